"""The same bits whoever computes the blocks, in whatever order, and whoever is lost.

Beside the run stands a crew that computes in a world of its own, through files, the last block first; one in three of
its members is lost over a block, and one in three never takes any. That every member of every axis can be computed
elsewhere is looked at in ``test_axes``; here are those that send or keep the most besides weights.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.core.events import Event
from engine.runs import sharding
from engine.runs.exchange import Exchange
from engine.runs.sharding import BlockName, ShardedExecutor
from engine.task.contract import Block, BlockExecutor, BlockResult, State, Task, Tensors
from engine.task.local import LocalExecutor
from tests.engine.federated import axes
from tests.engine.federated.worlds import as_json
from tests.engine.runs.crews import Waiting

ROUNDS = 2
MEMBERS = (
    ("strategy", "scaffold"), ("strategy", "ifca"), ("encoding.up", "powersgd"), ("aggregator", "krum"),
    ("privacy", "dp_fedavg"), ("secure_aggregation", axes.ON), ("attack", "alie"), ("sampler", "oort"),
    ("scheduler", "deadline"), ("scheduler", "buffered"), ("coordination", "hierarchical"), ("coordination", "gossip"),
)  # fmt: skip

Result = tuple[State, list[Event]]


class Scattered(Waiting):
    """A crew of which a third computes, a third is lost, and a third does nothing."""

    least_macs = 0.0

    def __init__(self, task: Task, folder: Path) -> None:
        super().__init__()
        self.task, self.context, self.exchange = task, axes.world(), Exchange(folder)
        self.done: dict[BlockName, str] = {}
        self.lost: set[BlockName] = set()
        self.num_fetched = 0

    def post(self, blocks: Sequence[Block]) -> None:
        """Everything that will be done is done at once."""
        self.exchange.open()
        files = self.exchange.put_blocks("1", blocks)
        names = list(files)
        self.done, self.lost, self.waiting = {}, set(names[1::3]), names[2::3]
        for name in reversed(names[0::3]):
            block = self.exchange.block(files[name])
            self.done[block.name] = f"{files[name]}-result"
            self.exchange.put_result(self.done[block.name], self.task.compute_block(self.context, block))

    def revoke(self, name: BlockName) -> None:
        """Whoever had it is lost anyway."""
        self.lost.discard(name)

    def fetch(self, name: BlockName) -> BlockResult | None:
        """What was computed."""
        if name not in self.done:
            return None
        self.num_fetched += 1
        return self.exchange.result(self.done.pop(name))

    def is_lost(self, name: BlockName) -> bool:
        """Whether its helper is gone."""
        return name in self.lost

    def wait(self, at_most_s: float) -> None:
        """Nobody is at work."""
        raise AssertionError("there was something to do")


def carry_out(task: Task, executor: BlockExecutor) -> Result:
    """The whole run."""
    context = replace(axes.world(), executor=executor)
    state, events = task.init(context), list[Event]()
    while not task.is_done(state):
        state, more = task.step(context, state)
        events += more
    return state, events


def bits(tensors: Tensors) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Names, types, shapes and bytes."""
    return {name: (str(array.dtype), array.shape, np.asarray(array).tobytes()) for name, array in tensors.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "kind"), MEMBERS)
def test_scattered_blocks_give_the_same_bits(
    axis: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "MACS_PER_BYTE", 0.0)
    local = {"epochs": 1, "batch_size": 64, "lr": 0.1, "path": "per_client"}
    task = axes.task_with((axis, kind), rounds=ROUNDS, local=local)
    crew = Scattered(task, tmp_path / "blocks")
    state, events = carry_out(task, ShardedExecutor(crew, lambda: False))
    expected, told = carry_out(task, LocalExecutor())

    assert crew.num_fetched >= ROUNDS, "next to nothing was computed by others"
    assert as_json(events) == as_json(told)
    assert state.values == expected.values
    assert bits(state.tensors) == bits(expected.tensors)
    assert {client: bits(held) for client, held in state.clients.items()} == {
        client: bits(held) for client, held in expected.clients.items()
    }
