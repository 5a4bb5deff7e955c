"""The block executor that computes every block here and now."""

from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from itertools import islice

from engine.task.context import Context
from engine.task.contract import Task
from engine.task.state import Block, BlockResult

AHEAD = 2
"""Blocks begun for every thread: one that it computes, and one that waits for it."""


class LocalExecutor:
    """Computes blocks in this process: in the order in which they come, or several side by side in the run's threads.

    The bits are the same, as a block depends on nothing but itself and results are asked for in order.
    """

    def __init__(self) -> None:
        self._begun: dict[tuple[str | int, ...], Future[BlockResult]] = {}

    def offer(self, task: Task, context: Context, blocks: Iterable[Block]) -> None:
        """Have threads begin with the first of these blocks, if there is more than one of both."""
        if context.team.size == 1:
            return
        coming = list(islice(blocks, AHEAD * context.team.size))
        earlier, self._begun = self._begun, {}
        for block in coming:
            begun = earlier.pop(block.name, None)
            if begun is None and len(coming) > 1:
                begun = context.team.begin(partial(task.compute_block, context, block))
            if begun is not None:
                self._begun[block.name] = begun
        for unwanted in earlier.values():
            unwanted.cancel()

    def run(self, task: Task, context: Context, block: Block) -> BlockResult:
        """The result of the block."""
        begun = self._begun.pop(block.name, None)
        return task.compute_block(context, block) if begun is None else begun.result()
