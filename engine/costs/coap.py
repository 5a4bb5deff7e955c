"""Confirmable messages over UDP, block after block: what constrained devices speak instead of TCP.

A message is cut into blocks, each as large as a frame carries. The next block goes out when the one before has been
acknowledged (RFC 7959, block-wise transfer; RFC 7252, section 4.7: one interaction at a time). What is not
acknowledged within 2 to 3 seconds is sent again, four times at most, waiting twice as long each time (RFC 7252,
section 4.2 and 4.8); then the application begins again with that block.
"""

from collections import deque

from engine.costs.packets import Moment, Route, World
from engine.costs.path import ACK_TIMEOUT_S, MOST_REPEATS, RANDOM_FACTOR


class Exchange:
    """Both directions between two hosts, one block under way in each.

    Args:
        world: clock and chance.
        forth: the hops from the first host to the second.
        back: the hops from the second host to the first.
    """

    def __init__(self, world: World, forth: Route, back: Route) -> None:
        self._ends = (Blocks(world, forth, back), Blocks(world, back, forth))

    def send(self, payload: int, arrived: Moment, *, backwards: bool = False) -> None:
        """Send a message from the first host to the second, or backwards; says when all of it has arrived."""
        self._ends[backwards].write(payload, arrived)

    def open(self, *, backwards: bool = False) -> None:
        """Nothing to do: there are no connections."""


class Blocks:
    """One direction: blocks that wait, and the one under way."""

    def __init__(self, world: World, forth: Route, back: Route) -> None:
        self._world, self._forth, self._back = world, forth, back
        self._block = max(1, int(min(channel.way.payload_bytes for channel in forth if not channel.is_repaired)))
        self._waiting: deque[tuple[int, Moment | None]] = deque()
        self._number, self._is_busy, self._has_arrived = 0, False, False

    def write(self, payload: int, arrived: Moment) -> None:
        """Cut a message into blocks; an empty one is a block too."""
        count = max(1, -(-payload // self._block))
        self._waiting.extend([(self._block, None)] * (count - 1))
        self._waiting.append((payload - (count - 1) * self._block, arrived))
        if not self._is_busy:
            self._next()

    def _next(self) -> None:
        self._is_busy = bool(self._waiting)
        if self._is_busy:
            self._number += 1
            self._has_arrived = False
            self._begin(self._number)

    def _begin(self, number: int) -> None:
        spread = 1 + (RANDOM_FACTOR - 1) * self._world.chance.number()
        self._try(number, 0, ACK_TIMEOUT_S * spread)

    def _try(self, number: int, repeats: int, timeout: float) -> None:
        if number != self._number or not self._is_busy:
            return
        if repeats > MOST_REPEATS:
            self._begin(number)
            return
        self._world.carry(self._forth, self._waiting[0][0], self._arrived, number)
        self._world.clock.at(self._world.clock.now + timeout, self._try, number, repeats + 1, 2 * timeout)

    def _arrived(self, number: int) -> None:
        """A block has come, maybe again: it is acknowledged each time."""
        is_new = number == self._number and self._is_busy and not self._has_arrived
        end = self._waiting[0][1] if is_new else None
        self._has_arrived = self._has_arrived or is_new
        self._world.carry(self._back, 0, self._acknowledged, number)
        if end is not None:
            end()

    def _acknowledged(self, number: int) -> None:
        if number == self._number and self._is_busy:
            self._waiting.popleft()
            self._next()
