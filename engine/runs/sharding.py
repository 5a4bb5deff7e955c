"""Rounds computed by several processes: blocks are offered to a crew, and whoever coordinates computes what it left.

Results are asked for and combined in the order of the blocks, so the bits do not depend on who computed what, on how
many there were, or on who was lost on the way.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from engine.task.context import Interrupted
from engine.task.contract import Block, BlockResult, Context, Task
from engine.task.state import Tensors

BlockName = tuple[str | int, ...]

MACS_PER_BYTE = 40.0
"""Multiply-accumulates that a core does in the time in which a byte of a block is written, read and folded: about
20 G/s against half a GB/s there and back. A block with less work for its bytes is no help to anybody."""

PATIENCE_S, PATIENCE_BLOCKS = 1.0, 3.0
"""A block that somebody took is waited for so long, or for so many times the longest block that was computed here, if
that is more; then it is computed here, too. The bits are the same whoever computes it."""

_PAUSE_S = 0.02
"""Between two looks for a result."""


class Crew(Protocol):
    """Those who compute blocks beside the coordinator."""

    @property
    def least_macs(self) -> float:
        """Work of a block below which giving it away costs more than it saves, whatever its size."""

    def post(self, blocks: Sequence[Block]) -> None:
        """Have these blocks computed by whoever is free; all earlier ones are forgotten."""

    def take(self, name: BlockName | None = None) -> BlockName | None:
        """Keep a block from the crew, to compute it here.

        Args:
            name: which; None for the first that nobody has taken.

        Returns:
            Its name; None if somebody has it, or nothing is left.
        """

    def revoke(self, name: BlockName) -> None:
        """Take a block away from whoever has it; a result that still comes is ignored."""

    def fetch(self, name: BlockName) -> BlockResult | None:
        """The result of a block; None as long as there is none."""

    def is_lost(self, name: BlockName) -> bool:
        """Whether whoever took a block is known to be gone."""

    def wait(self, at_most_s: float) -> None:
        """Wait for news, such as a result."""


def pays(block: Block, least_macs: float) -> bool:
    """Whether a block is worth sending to another process: by its shapes, never by timing.

    A result is as large as its inputs or larger, whence the 2; states of clients go both ways.
    """
    states = sum(num_bytes(tensors) for tensors in block.client_states.values())
    return block.macs >= least_macs + MACS_PER_BYTE * 2 * (num_bytes(block.inputs) + states)


def num_bytes(tensors: Tensors) -> int:
    """Bytes of named arrays."""
    return sum(array.nbytes for array in tensors.values())


class ShardedExecutor:
    """Computes blocks together with a crew.

    Args:
        crew: who helps.
        is_interrupted: whether the run is asked to stop or pause.
        clock: seconds of this host.
    """

    def __init__(
        self, crew: Crew, is_interrupted: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._crew, self._is_interrupted, self._clock = crew, is_interrupted, clock
        self._open: dict[BlockName, Block] = {}
        self._posted: set[BlockName] = set()
        self._kept: dict[BlockName, BlockResult] = {}
        self._longest_s = 0.0
        self._has_crew = False

    def offer(self, task: Task, context: Context, blocks: Iterable[Block]) -> None:
        """Post the blocks of a round that has just begun, except the first, which is computed here at once."""
        left = iter(blocks)
        first = next(left, None)
        if first is None or first.name in self._open:
            return
        rest = list(left)
        self._open = {block.name: block for block in (first, *rest)}
        self._kept = {}
        worthy = [block for block in rest if pays(block, self._crew.least_macs)]
        self._posted = {block.name for block in worthy}
        if worthy or self._has_crew:
            self._crew.post(worthy)
        self._has_crew = bool(worthy)

    def run(self, task: Task, context: Context, block: Block) -> BlockResult:
        """The block's result: from the crew, or computed here if nobody has it or takes too long.

        While somebody else is at it, blocks that nobody took are computed here.

        Raises:
            Interrupted: the run is asked to stop, and the block is somebody else's.
        """
        if block.name not in self._posted:
            return self._compute(task, context, block)
        began = self._clock()
        while block.name not in self._kept:
            if self._is_interrupted():
                raise Interrupted
            done, mine = self._crew.fetch(block.name), None
            if done is None:
                mine = self._crew.take(block.name) or self._instead(block.name, began)
            if done is not None:
                self._kept[block.name] = done
            elif mine is not None:
                self._kept[mine] = self._compute(task, context, self._open[mine])
            else:
                self._crew.wait(_PAUSE_S)
        self._posted.discard(block.name)
        return self._kept.pop(block.name)

    def _instead(self, name: BlockName, began: float) -> BlockName | None:
        """What to compute while somebody else has the block that is needed; the block itself if that takes too long."""
        patience_s = max(PATIENCE_S, PATIENCE_BLOCKS * self._longest_s)
        if self._crew.is_lost(name) or self._clock() - began > patience_s:
            self._crew.revoke(name)
            return name
        return self._crew.take()

    def _compute(self, task: Task, context: Context, block: Block) -> BlockResult:
        began = self._clock()
        result = task.compute_block(context, block)
        if block.name in self._open:
            self._longest_s = max(self._longest_s, self._clock() - began)
        return result
