"""Which blocks of a run wait, are taken or done: what a coordinator and the threads of its helpers share."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from engine.runs.sharding import BlockName


@dataclass(frozen=True)
class Posted:
    """A block on the board.

    Attributes:
        name: of the block.
        series: number of the posting it came with; files of earlier ones are gone.
        file: where it lies; its result is written beside it.
    """

    name: BlockName
    series: int
    file: str

    @property
    def result(self) -> str:
        """Name of the file of its result."""
        return f"{self.file}-result"


class Board:
    """Blocks in the order in which they are asked for; every method may be called by any thread."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._waiting: dict[BlockName, Posted] = {}
        self._taken: dict[BlockName, Posted] = {}
        self._done: dict[BlockName, Posted] = {}
        self._refused: set[BlockName] = set()
        self.series = 0
        """Number of the latest posting."""
        self.world = 0
        """Number of the run that is worked on; 0 if there is none."""
        self._worlds = 0
        self.is_closed = False
        """Whether the helpers are to go."""

    def begin(self) -> None:
        """Another run begins."""
        with self._news:
            self._worlds += 1
            self.world = self._worlds
            self._news.notify_all()

    def post(self, files: Mapping[BlockName, str]) -> None:
        """Put blocks up in place of all earlier ones."""
        with self._news:
            self._waiting = {name: Posted(name, self.series, file) for name, file in files.items()}
            self._taken, self._done, self._refused = {}, {}, set()
            self._news.notify_all()

    def clear(self) -> int:
        """Forget all blocks; gives the number of the next posting."""
        with self._news:
            self._waiting, self._taken, self._done, self._refused = {}, {}, {}, set()
            self.series += 1
            return self.series

    def end(self) -> None:
        """Forget the run and its blocks."""
        self.clear()
        with self._news:
            self.world = 0

    def close(self) -> None:
        """Send the helpers' threads away."""
        with self._news:
            self.is_closed = True
            self._news.notify_all()

    def next(self, known: int) -> Posted | int | None:
        """What a helper does next, waiting until there is something.

        Args:
            known: number of the run that it has prepared.

        Returns:
            A block; or the number of the run to prepare; or None when it is to go.
        """
        with self._news:
            while not self.is_closed:
                if self.world and self._waiting:
                    # Only now: a run whose blocks stay at home needs no helper.
                    if self.world != known:
                        return self.world
                    name = next(iter(self._waiting))
                    self._taken[name] = posted = self._waiting.pop(name)
                    return posted
                self._news.wait()
            return None

    def finish(self, posted: Posted) -> None:
        """A helper has the result; it is ignored if nobody waits for it any more."""
        with self._news:
            if self._taken.get(posted.name) is posted:
                self._done[posted.name] = self._taken.pop(posted.name)
                self._news.notify_all()

    def give_back(self, posted: Posted, *, is_refused: bool) -> bool:
        """A helper was lost over a block, or cannot compute it: then it is left to the coordinator.

        Returns:
            Whether the block was still its own.
        """
        with self._news:
            if self._taken.get(posted.name) is not posted:
                return False
            del self._taken[posted.name]
            self._waiting = {posted.name: posted, **self._waiting}
            if is_refused:
                del self._waiting[posted.name]
                self._refused.add(posted.name)
            self._news.notify_all()
            return True

    def take(self, name: BlockName | None) -> BlockName | None:
        """Keep a block, or the first that waits, from the helpers; None if that is too late."""
        with self._news:
            name = next(iter(self._waiting), None) if name is None else name
            if name is None or name in self._refused:
                return name
            return name if self._waiting.pop(name, None) is not None else None

    def revoke(self, name: BlockName) -> None:
        """Take a block away from whoever has it."""
        with self._news:
            self._taken.pop(name, None)

    def done(self, name: BlockName) -> Posted | None:
        """The block if its result is there; told once."""
        with self._news:
            return self._done.pop(name, None)

    def wait(self, at_most_s: float) -> None:
        """Wait for news."""
        with self._news:
            self._news.wait(at_most_s)
