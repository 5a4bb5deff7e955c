"""What every member of every axis of a federated task keeps: same bits, however interrupted and wherever computed.

Members are found through the registries: a new one needs no new line here.
"""

import json
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from engine.task.contract import Block, BlockResult, Context, State, Task, Tensors
from tests.engine.federated.axes import AXES, kinds, members, task_with, world
from tests.engine.federated.worlds import as_json, run, same_tensors, stored_and_loaded

MEMBERS = [(axis, kind) for axis in AXES for kind in kinds(axis)]
SEVERAL_BLOCKS = {"rounds": 2, "local": {"batch_size": 64, "lr": 0.1, "path": "per_client"}}


class Elsewhere:
    """Computes blocks as other processes would, in another order than they are asked for."""

    def __init__(self) -> None:
        self.done: dict[str, BlockResult] = {}

    def offer(self, task: Task, context: Context, blocks: Iterable[Block]) -> None:
        """The last of the blocks is computed at once, before its turn."""
        *_, last = blocks
        self.done.setdefault(str(last.name), self._computed(task, last))

    def run(self, task: Task, context: Context, block: Block) -> BlockResult:
        """What was computed before, or is now."""
        return self.done.pop(str(block.name), None) or self._computed(task, block)

    def _computed(self, task: Task, block: Block) -> BlockResult:
        sent = Block(
            tuple(json.loads(json.dumps(block.name))), block.clients, through(block.inputs),
            json.loads(json.dumps(block.values)), {client: through(own) for client, own in block.client_states.items()},
        )  # fmt: skip
        found = task.compute_block(world(), sent)
        clients = {client: through(own) for client, own in found.clients.items()}
        return BlockResult(through(found.tensors), json.loads(json.dumps(found.values)), clients)


def through(tensors: Tensors) -> dict[str, np.ndarray]:
    """The tensors after a way through a file."""
    return dict(load(save({name: np.asarray(array, order="C") for name, array in tensors.items()})))


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "kind"), MEMBERS, ids=["-".join(member) for member in MEMBERS])
def test_interrupted_and_computed_elsewhere_it_ends_alike(axis: str, kind: str) -> None:
    task = task_with((axis, kind), **SEVERAL_BLOCKS)
    if task.check(world()):
        pytest.skip("cannot be by itself in so small a world")
    whole, events = run(task, world())
    executor, resumed = Elsewhere(), []
    state: State = task.init(world())
    while not task.is_done(state):
        state, more = task.step(replace(world(), executor=executor), stored_and_loaded(state))
        resumed += more
    assert same_tensors(whole, state)
    assert dict(whole.values) == dict(stored_and_loaded(state).values)
    assert as_json(resumed) == as_json(events)


@pytest.mark.parametrize("axis", AXES)
def test_every_axis_has_members_here(axis: str) -> None:
    assert list(members(axis))


@pytest.mark.parametrize(("axis", "kind"), MEMBERS, ids=["-".join(member) for member in MEMBERS])
def test_nothing_of_a_round_is_left_when_a_run_is_over(axis: str, kind: str) -> None:
    """States stay small: what was called, summed, kept as rows or reported goes when the round does."""
    task = task_with((axis, kind))
    if task.check(world()):
        pytest.skip("cannot be by itself in so small a world")
    state, _ = run(task, world())
    assert not {name.partition("/")[0] for name in state.tensors} & {"called", "down", "sum", "rows", "open"}
