"""One event loop for all processes of a laboratory: descriptors that become ready, and things to do at a moment."""

import heapq
import selectors
import time
from collections.abc import Callable

from engine.emulation.kernel import IS_LINUX, Timer

Action = Callable[[], None]
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class EventLoop:
    """Calls back when a descriptor is ready or a moment has come; on Linux exact to some microseconds."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._actions: dict[int, dict[int, Action]] = {}
        self._queue: list[tuple[float, int, Action]] = []
        self._number = 0
        self._is_over = False
        self._timer = Timer() if IS_LINUX else None
        if self._timer is not None:
            self.watch(self._timer.descriptor, self._timer.clear)

    def now(self) -> float:
        """Seconds of the monotonic clock, which all processes of a machine share."""
        return time.monotonic()

    def watch(self, descriptor: int, action: Action, *, kind: int = READ) -> None:
        """Call whenever the descriptor can be read, or written; replaces what was asked before."""
        known = self._actions.setdefault(descriptor, {})
        is_new = not known
        known[kind] = action
        change = self._selector.register if is_new else self._selector.modify
        change(descriptor, sum(known))

    def forget(self, descriptor: int, *, kind: int | None = None) -> None:
        """Watch a descriptor no longer, or no longer for this."""
        known = self._actions.get(descriptor, {})
        if kind is not None:
            known.pop(kind, None)
        if known and kind is not None:
            self._selector.modify(descriptor, sum(known))
        elif self._actions.pop(descriptor, None) is not None:
            self._selector.unregister(descriptor)

    def at(self, moment: float, action: Action) -> None:
        """Call once at that moment, or as soon as possible after."""
        self._number += 1
        heapq.heappush(self._queue, (moment, self._number, action))

    def stop(self) -> None:
        """Return from :meth:`run` after what is being done."""
        self._is_over = True

    def run(self) -> None:
        """Go on until stopped."""
        while not self._is_over:
            if self._queue and self._queue[0][0] <= self.now():
                heapq.heappop(self._queue)[2]()
                continue
            for key, events in self._selector.select(self._patience()):
                self._dispatch(int(key.fd), events)

    def _patience(self) -> float | None:
        """How long to wait for descriptors; the timer, if there is one, is set to the next moment."""
        if not self._queue:
            return None
        left = self._queue[0][0] - self.now()
        if self._timer is None:
            return max(0.0, left)
        self._timer.set(left)
        return None

    def _dispatch(self, descriptor: int, events: int) -> None:
        for kind, action in tuple(self._actions.get(descriptor, {}).items()):
            # An action may have closed this or another descriptor, whose number may be in use again.
            if events & kind and self._actions.get(descriptor, {}).get(kind) is action:
                action()
