"""What crews of tests share."""

from engine.runs.sharding import BlockName


class Waiting:
    """Blocks that nobody of a crew has taken yet."""

    def __init__(self) -> None:
        self.waiting: list[BlockName] = []

    def take(self, name: BlockName | None = None) -> BlockName | None:
        """Take a block away from the crew, the first if none is named; None if it is not there any more."""
        name = name or next(iter(self.waiting), None)
        if name not in self.waiting:
            return None
        self.waiting.remove(name)
        return name
