"""Things made from files and kept in memory, up to so many bytes; what was used longest ago goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """A store of limited size that several threads use.

    Args:
        most_bytes: limit of all entries together; a larger single one is made again each time.
        size_of: bytes of an entry.
    """

    def __init__(self, most_bytes: int, size_of: Callable[[T], int]) -> None:
        self.most_bytes = most_bytes
        self._size_of = size_of
        self._entries: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The entry of that key, made if it is not there; of two threads that miss it, both make it."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
        made = make()
        size = self._size_of(made)
        with self._lock:
            if size <= self.most_bytes and key not in self._entries:
                self._entries[key] = (made, size)
                self._bytes += size
            while self._bytes > self.most_bytes:
                _, (_, gone) = self._entries.popitem(last=False)
                self._bytes -= gone
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0
