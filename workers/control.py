"""What a running job is asked to do: from the side thread that reads the database to the loop that computes."""

import mmap
import threading
from typing import Literal

from engine.runs.control import Control

Wish = Literal["", "release", "pause", "cancel", "lost"]
"""In rising order of weight: ``release`` when this worker stops, so that another one goes on; ``pause`` and ``cancel``
come from users; ``lost`` when somebody else owns the run now."""

_RANK: tuple[Wish, ...] = ("", "release", "pause", "cancel", "lost")

_STOPPING = mmap.mmap(-1, 1)
"""One byte that the worker shares with the pool processes it forks."""


def announce_stop() -> None:
    """Ask all pool processes of this worker to give back their runs."""
    _STOPPING[0] = 1


def is_stopping() -> bool:
    """Whether this worker stops."""
    return _STOPPING[0] == 1


class Wishes:
    """The weightiest wish so far, passed on to the engine's loop, which reads it at step borders."""

    def __init__(self) -> None:
        self.loop = Control()
        self.strongest: Wish = ""
        self._lock = threading.Lock()

    def ask(self, wish: Wish) -> None:
        """Ask for something; a lighter wish than the one before changes nothing."""
        with self._lock:
            if _RANK.index(wish) <= _RANK.index(self.strongest):
                return
            self.strongest = wish
        if wish in {"cancel", "lost"}:
            self.loop.stop()
        else:
            self.loop.pause()
