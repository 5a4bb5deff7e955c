"""Who computes what beside a crew, by hand: a crew of which every move is known."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from engine.runs.sharding import MACS_PER_BYTE, BlockName, ShardedExecutor, pays
from engine.task.context import Interrupted
from engine.task.contract import Block, BlockResult, Context, Task
from tests.engine.runs.crews import Waiting

CONTEXT = cast("Context", None)
"""Nothing here looks at it."""


class Time:
    """A clock that tests move."""

    now = 0.0


class Counting:
    """A task whose blocks give their own name; computing one takes a second."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.computed: list[BlockName] = []

    def compute_block(self, context: Context, block: Block) -> BlockResult:
        """Its place."""
        self.computed.append(block.name)
        self.time.now += 1.0
        return BlockResult(values={"place": block.name[-1]})


class Scripted(Waiting):
    """A crew that has taken some blocks and finished some."""

    least_macs = 1.0

    def __init__(self, time: Time, taken: Sequence[int] = (), done: Sequence[int] = ()) -> None:
        super().__init__()
        self.time, self.taken, self.finished = time, set(taken), set(done)
        self.posts: list[list[BlockName]] = []
        self.revoked: list[BlockName] = []
        self.lost: set[int] = set()

    def post(self, blocks: Sequence[Block]) -> None:
        """Some are taken at once."""
        self.posts.append([block.name for block in blocks])
        self.waiting = [block.name for block in blocks if block.name[-1] not in self.taken | self.finished]

    def revoke(self, name: BlockName) -> None:
        """Note it."""
        self.revoked.append(name)

    def fetch(self, name: BlockName) -> BlockResult | None:
        """What is finished."""
        return BlockResult(values={"place": name[-1]}) if name[-1] in self.finished else None

    def is_lost(self, name: BlockName) -> bool:
        """As the test says."""
        return name[-1] in self.lost

    def wait(self, at_most_s: float) -> None:
        """Time passes."""
        self.time.now += 0.25


def blocks(count: int, macs: float = 1e9, *, number: int = 1) -> list[Block]:
    """The blocks of a round."""
    return [Block(("train", number, place), (place,), macs=macs) for place in range(count)]


def compute(executor: ShardedExecutor, task: Counting, coming: Sequence[Block]) -> list[Any]:
    """Carry out a round as a task does: with every step the rest is offered."""
    found = []
    for place, block in enumerate(coming):
        executor.offer(cast("Task", task), CONTEXT, iter(coming[place:]))
        found.append(executor.run(cast("Task", task), CONTEXT, block).values["place"])
    return found


def test_alone_the_coordinator_computes_everything_in_order() -> None:
    time = Time()
    task, crew = Counting(time), Scripted(time)
    executor = ShardedExecutor(crew, lambda: False, lambda: time.now)

    assert compute(executor, task, blocks(4)) == [0, 1, 2, 3]
    assert task.computed == [block.name for block in blocks(4)]
    assert crew.posts == [[("train", 1, 1), ("train", 1, 2), ("train", 1, 3)]]


def test_results_of_others_are_used_and_nothing_is_waited_for_while_there_is_work() -> None:
    time = Time()
    task, crew = Counting(time), Scripted(time, taken=[1], done=[3])
    executor = ShardedExecutor(crew, lambda: False, lambda: time.now)
    coming = blocks(5)
    executor.offer(cast("Task", task), CONTEXT, iter(coming))
    assert executor.run(cast("Task", task), CONTEXT, coming[0]).values == {"place": 0}
    # The first pause brings it.
    crew.wait = lambda at_most_s: crew.finished.add(1)  # type: ignore[method-assign]
    found = [executor.run(cast("Task", task), CONTEXT, block).values["place"] for block in coming[1:]]

    assert found == [1, 2, 3, 4]
    assert [name[-1] for name in task.computed] == [0, 2, 4]
    assert crew.revoked == []


def test_a_block_whose_owner_takes_too_long_or_is_lost_is_computed_here() -> None:
    time = Time()
    task, crew = Counting(time), Scripted(time, taken=[1, 2])
    crew.lost = {2}
    executor = ShardedExecutor(crew, lambda: False, lambda: time.now)

    assert compute(executor, task, blocks(3)) == [0, 1, 2]
    assert crew.revoked == [("train", 1, 1), ("train", 1, 2)]
    # One second for the first block, three of patience and a look more, one for each of the two others.
    assert time.now == pytest.approx(1 + 3.25 + 1 + 1)


def test_an_interruption_ends_the_waiting() -> None:
    time = Time()
    task, crew = Counting(time), Scripted(time, taken=[1])
    executor = ShardedExecutor(crew, lambda: time.now > 1.5, lambda: time.now)
    with pytest.raises(Interrupted):
        compute(executor, task, blocks(2))
    assert time.now < 2


def test_small_blocks_stay_here_by_their_shapes() -> None:
    weights = {"w": np.zeros(1000, dtype=np.float32)}
    enough = 1e6 + MACS_PER_BYTE * 2 * (4000 + 800)
    states = {3: {"c": np.zeros(100)}}

    assert pays(Block(("b",), inputs=weights, client_states=states, macs=enough), 1e6)
    assert not pays(Block(("b",), inputs=weights, client_states=states, macs=enough - 1), 1e6)
    assert not pays(Block(("b",)), 1.0)

    time = Time()
    task, crew = Counting(time), Scripted(time)
    executor = ShardedExecutor(crew, lambda: False, lambda: time.now)
    assert compute(executor, task, blocks(3, macs=0.5)) == [0, 1, 2]
    assert crew.posts == []
    compute(executor, task, blocks(3, number=2))
    compute(executor, task, blocks(3, macs=0.5, number=3))
    assert [len(names) for names in crew.posts] == [2, 0], "what was open is taken down"
