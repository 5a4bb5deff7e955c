"""The block executor that computes every block here and now."""

from collections.abc import Iterable

from engine.task.context import Context
from engine.task.contract import Task
from engine.task.state import Block, BlockResult


class LocalExecutor:
    """Computes blocks in this process, in the order in which they come."""

    def offer(self, task: Task, context: Context, blocks: Iterable[Block]) -> None:
        """Nobody else could begin on them."""

    def run(self, task: Task, context: Context, block: Block) -> BlockResult:
        """The result of the block."""
        return task.compute_block(context, block)
