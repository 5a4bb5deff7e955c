"""The receiving end of one direction of a TCP connection: putting segments in order, and acknowledging them."""

from collections.abc import Callable

from engine.costs.packets import Route, World

DELAYED_ACK_S, QUICK_ACKS = 0.040, 16
"""The longest an acknowledgment is held back; how many are not held back at first, and again after a silence."""

ACK_BYTES, SACK_BYTES = 0, 12
"""Bytes of an acknowledgment beyond the headers, and of its selective part."""

NOTHING: frozenset[int] = frozenset()
"""No segment has arrived beyond those in order."""

Acknowledged = Callable[[int, frozenset[int], float], None]
"""What an acknowledgment tells: how many segments are there in order, which beyond, and the time stamp it echoes."""


class Receiver:
    """Acknowledges every other segment, and at once whatever the sender must know.

    Args:
        world: clock and chance.
        back: the hops of acknowledgments.
        tell: what an acknowledgment does at the sender.
    """

    def __init__(self, world: World, back: Route, tell: Acknowledged) -> None:
        self._world, self._back, self._tell = world, back, tell
        self._in_order = 0
        self._beyond: set[int] = set()
        self._ends: dict[int, Callable[[], None]] = {}
        self._held, self._quick, self._token = 0, QUICK_ACKS, 0
        self._stamp, self._is_fresh = 0.0, True

    def expect(self, last: int, arrived: Callable[[], None]) -> None:
        """Call that when segment ``last`` and all before it are there."""
        self._ends[last] = arrived

    def hurry(self) -> None:
        """After a silence acknowledgments are not held back at first."""
        self._quick = QUICK_ACKS

    def arrived(self, number: int, stamp: float) -> None:
        """A segment has come; ``stamp`` is when it was sent."""
        is_urgent = self._place(number, stamp) or bool(self._beyond)
        self._held += 1
        if self._quick > 0:
            self._quick -= 1
            is_urgent = True
        if is_urgent or self._held >= 2:
            self._acknowledge()
        else:
            self._token += 1
            self._world.clock.at(self._world.clock.now + DELAYED_ACK_S, self._late, self._token)

    def _place(self, number: int, stamp: float) -> bool:
        """Put a segment where it belongs; gives whether it is a surprise."""
        if number < self._in_order or number in self._beyond:
            return True  # the stamp to echo stays, so the sender will measure the whole wait (RFC 7323, 4.3)
        if number != self._in_order:
            self._beyond.add(number)
            return True
        if self._is_fresh:
            self._stamp, self._is_fresh = stamp, False
        self._beyond.add(number)
        while self._in_order in self._beyond:
            self._beyond.remove(self._in_order)
            end = self._ends.pop(self._in_order, None)
            self._in_order += 1
            if end is not None:
                end()
        return False

    def _late(self, token: int) -> None:
        if token == self._token and self._held:
            self._acknowledge()

    def _acknowledge(self) -> None:
        self._held, self._token, self._is_fresh = 0, self._token + 1, True
        beyond = frozenset(self._beyond) if self._beyond else NOTHING
        size = SACK_BYTES if beyond else ACK_BYTES
        self._world.carry(self._back, size, self._tell, self._in_order, beyond, self._stamp)
