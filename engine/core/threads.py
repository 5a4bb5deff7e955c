"""Threads of this process that compute parts of one thing side by side."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_here = threading.local()


class Team:
    """So many threads as a run may use, the one that asks among them.

    They take parts as they come free. What the parts are must never depend on how many threads there are, and results
    come back in the order of the parts: so what is made of them has the same bits for every number. Numerical libraries
    let go of the interpreter while they compute; parts should take them a tenth of a millisecond at least.

    Args:
        size: threads; 1 for the one that asks alone.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._pool: ThreadPoolExecutor | None = None
        self._making = threading.Lock()

    def each(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """The function's results for all items, in their order; one after another within a part of something else.

        Raises:
            Exception: what the function raises.
        """
        if self.size == 1 or len(items) < 2 or getattr(_here, "is_part", False):
            return [function(item) for item in items]
        results: list[Any] = [None] * len(items)
        places = count()

        def take() -> None:
            _here.is_part = True
            while (place := next(places)) < len(items):
                results[place] = function(items[place])

        helpers = [self.begin(take) for _ in range(min(self.size, len(items)) - 1)]
        try:
            take()
        finally:
            _here.is_part = False
            for _ in items:
                next(places)  # nobody takes another part after a failure here
            begun = [helper for helper in helpers if not helper.cancel()]
            failures = [failure for helper in begun if (failure := helper.exception()) is not None]
        if failures:
            raise failures[0]
        return results

    def begin(self, function: Callable[[], Result]) -> "Future[Result]":
        """Have another thread do something, as soon as one is free."""
        with self._making:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.size, "team", initializer=_become_part)
        return self._pool.submit(function)


ALONE = Team()
"""The team of one."""


def _become_part() -> None:
    _here.is_part = True
