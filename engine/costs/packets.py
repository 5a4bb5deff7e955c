"""Packets on their way: events in order of time, and channels that carry frames one after the other."""

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.costs.path import HOST_OVERHEAD_S
from engine.costs.way import Way

Moment = Callable[[], None]
"""What happens at a moment: a message has arrived, a connection is open."""

DRAWN_AT_ONCE = 4096
"""Random numbers that are drawn at a time: one by one they would cost more than the packets."""


class Clock:
    """Events in order of time; those of the same time in the order in which they were planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self.is_over = False
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = itertools.count()

    def at(self, moment: float, action: Callable[..., None], *details: Any) -> None:
        """Do something at a moment that has not passed."""
        heapq.heappush(self._queue, (moment, next(self._count), action, details))

    def run(self) -> None:
        """Go on until somebody says that it is over, or nothing is planned."""
        queue, pop = self._queue, heapq.heappop
        while queue and not self.is_over:
            self.now, _, action, details = pop(queue)
            action(*details)


class Chance:
    """Random numbers, uniform between 0 and 1.

    Args:
        draw: the only source of chance.
    """

    def __init__(self, draw: np.random.Generator) -> None:
        self._draw = draw
        self._numbers: Iterator[float] = iter(())

    def number(self) -> float:
        """The next one."""
        for number in self._numbers:
            return number
        self._numbers = iter(self._draw.random(DRAWN_AT_ONCE).tolist())
        return next(self._numbers)

    def tries(self, loss: float) -> int:
        """How often something is sent until it is through, if each time it is lost with this probability."""
        count = 1
        while loss > 0 and self.number() < loss:
            count += 1
        return count

    def failures(self, count: int, loss: float) -> int:
        """How often so many frames are lost altogether until all are through."""
        return int(self._draw.negative_binomial(count, 1 - loss)) if count else 0


@dataclass(slots=True)
class Air:
    """What is occupied while a frame is sent: one direction of a hop, or both where its medium is shared.

    Attributes:
        free: when it is free again, in seconds.
        used: for how long it was occupied so far, in seconds.
    """

    free: float = 0.0
    used: float = 0.0

    def occupy(self, moment: float, airtime: float) -> None:
        """Send for so long, from that moment on or when it is free."""
        self.free = max(moment, self.free) + airtime
        self.used += airtime


@dataclass(slots=True)
class Channel:
    """One hop in one direction.

    Attributes:
        way: rate, delay, loss, jitter.
        air: what frames wait for.
        is_repaired: whether the link layer repeats lost frames by itself; else they are gone.
        latest: when the last packet got to the other end; jitter never reorders.
        airtimes: those that are known, by payload.
    """

    way: Way
    air: Air = field(default_factory=Air)
    is_repaired: bool = False
    latest: float = 0.0
    airtimes: dict[int, float] = field(default_factory=dict)

    def airtime_s(self, size: int) -> float:
        """Time on air of a packet with that payload."""
        known = self.airtimes.get(size)
        if known is None:
            known = self.airtimes[size] = self.way.packets_s(size)
        return known

    def carry(self, now: float, size: int, chance: Chance) -> float | None:
        """When a packet of that payload gets to the other end; None if it was lost, after using the air."""
        way, air = self.way, self.air
        airtime = self.airtime_s(size)
        if way.loss and self.is_repaired:
            airtime *= chance.tries(way.loss)
        air.occupy(now, airtime)
        if way.loss and not self.is_repaired and chance.number() < way.loss:
            return None
        moment = air.free + way.latency_s
        if way.jitter_s:
            moment = max(self.latest, moment + way.jitter_s * (2 * chance.number() - 1))
            self.latest = moment
        return moment


Route = Sequence[Channel]
"""The hops of a packet, in order."""


@dataclass(slots=True)
class World:
    """What all connections of a simulation share.

    Attributes:
        clock: the events.
        chance: what is lost.
    """

    clock: Clock
    chance: Chance

    def carry(self, route: Route, size: int, arrived: Callable[..., None], *details: Any) -> None:
        """Move a packet over hops, one after another, into the other host; nothing happens if it is lost."""
        self._hop(route, 0, size, arrived, details)

    def _hop(self, route: Route, place: int, size: int, arrived: Callable[..., None], details: tuple[Any, ...]) -> None:
        moment = route[place].carry(self.clock.now, size, self.chance)
        if moment is None:
            return
        if place + 1 == len(route):
            self.clock.at(moment + HOST_OVERHEAD_S, arrived, *details)
        else:
            self.clock.at(moment, self._hop, route, place + 1, size, arrived, details)
