"""The same schedule by discrete events: one at a time, in order of time. Slow, exact, and the referee of the scans."""

import heapq

import numpy as np
from numpy.typing import NDArray

from engine.costs.legs import Legs
from engine.costs.sharing import Share
from engine.costs.trace import COMPUTE, NO_CAUSE, SEND, Trace

Floats = NDArray[np.float64]


def simulate(trace: Trace, duration: Floats, legs: Legs) -> tuple[Floats, Floats]:
    """Start and end of each item, in seconds from the start of its round.

    Args:
        trace: the items.
        duration: (I,) seconds of each computation.
        legs: the segments of the messages, in the order of the items.

    Returns:
        What :func:`engine.costs.clock.schedule` returns.
    """
    return _Simulation(trace, duration, legs).run()


class _Simulation:
    """Events are (time, message, leg): a message gets to the channel of a leg. Everything else follows at once."""

    def __init__(self, trace: Trace, duration: Floats, legs: Legs) -> None:
        self.trace, self.duration = trace, duration.tolist()
        self.channel = legs.channel.tolist()
        self.before, self.service, self.after, self.fair = (
            np.stack([legs.prices[name][leg][legs.kind] for leg in range(legs.num_legs)], axis=1).tolist()
            for name in ("before", "service", "after", "fair")
        )
        count = trace.num_items
        self.kind = trace["kind"].tolist()
        self.message = (np.cumsum(trace["kind"] == SEND) - 1).tolist()
        self.item_of_message = np.flatnonzero(trace["kind"] == SEND).tolist()
        self.effects: dict[int, list[int]] = {}
        for item, cause in enumerate(trace["cause"].tolist()):
            if cause != NO_CAUSE:
                self.effects.setdefault(cause, []).append(item)
        self.missing: dict[int, int] = {}
        for place, barrier in enumerate(trace.barriers.tolist()):
            members = trace.members[trace.barrier_starts[place] : trace.barrier_starts[place + 1]].tolist()
            self.missing[barrier] = len(members)
            for member in members:
                self.effects.setdefault(member, []).append(barrier)
        self.start, self.end = [0.0] * count, [0.0] * count
        self.free: dict[int, float] = {}
        self.shares: dict[int, Share] = {}
        self.heap: list[tuple[float, int, int]] = []

    def run(self) -> tuple[Floats, Floats]:
        """Start and end of each item."""
        for item, cause in enumerate(self.trace["cause"].tolist()):
            if cause == NO_CAUSE and item not in self.missing:
                self._begin(item, 0.0)
        while self.heap:
            moment, message, leg = heapq.heappop(self.heap)
            if message < 0:
                self._leave(-1 - message, moment)
                continue
            if self.channel[message][leg] >= 0 and self.fair[message][leg]:
                self._join(message, leg, moment)
                continue
            channel, service = self.channel[message][leg], self.service[message][leg]
            begun = moment if channel < 0 else max(moment, self.free.get(channel, 0.0))
            if channel >= 0:
                self.free[channel] = begun + service
            self._advance(message, leg + 1, begun + service + self.after[message][leg])
        return np.array(self.start), np.array(self.end)

    def _begin(self, item: int, moment: float) -> None:
        # A chain of items without messages is followed by a list, not by recursion, which could run too deep.
        waiting = [(item, moment)]
        while waiting:
            item, moment = waiting.pop()
            self.start[item] = moment
            if self.kind[item] == SEND:
                self._arrive(self.message[item], 0, moment)
                continue
            ended = moment + self.duration[item] if self.kind[item] == COMPUTE else moment
            waiting += self._finish(item, ended)

    def _finish(self, item: int, moment: float) -> list[tuple[int, float]]:
        """Book the end of an item; gives what starts now."""
        self.end[item] = moment
        begun = []
        for effect in self.effects.get(item, ()):
            if effect in self.missing:
                self.missing[effect] -= 1
                self.start[effect] = max(self.start[effect], moment)
                if self.missing[effect] == 0:
                    begun.append((effect, self.start[effect]))
            else:
                begun.append((effect, moment))
        return begun

    def _arrive(self, message: int, leg: int, moment: float) -> None:
        heapq.heappush(self.heap, (moment + self.before[message][leg], message, leg))

    def _advance(self, message: int, leg: int, moment: float) -> None:
        if leg < len(self.channel[message]):
            self._arrive(message, leg, moment)
            return
        for item, begun in self._finish(self.item_of_message[message], moment):
            self._begin(item, begun)

    def _join(self, message: int, leg: int, moment: float) -> None:
        """A message arrives at a channel that is shared fairly; who is through before leaves first."""
        channel = self.channel[message][leg]
        share = self.shares.setdefault(channel, Share())
        self._leave(channel, moment)
        share.arrive(moment, self.service[message][leg], message * len(self.channel[message]) + leg)
        heapq.heappush(self.heap, (share.leaving(), -1 - channel, 0))

    def _leave(self, channel: int, moment: float) -> None:
        """Let those go who are through by now; plans that somebody's arrival has overtaken find nobody."""
        share = self.shares[channel]
        for code, when in share.until(np.nextafter(moment, np.inf)):
            message, leg = divmod(code, len(self.channel[0]))
            self._advance(message, leg + 1, when + self.after[message][leg])
        if share.tags:
            heapq.heappush(self.heap, (share.leaving(), -1 - channel, 0))
