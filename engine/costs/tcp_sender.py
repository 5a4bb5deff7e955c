"""The sending end of one direction of a TCP connection, as Linux does it by default.

Ten segments at first, slow start with HyStart's exit on growing delay, CUBIC in its Reno-friendly region or Reno,
selective acknowledgments with RACK and a tail-loss probe, timeouts of at least 200 ms with back-off, and a smaller
window after a silence. Of BBR only that it does not slow down for loss.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.costs.congestion import control
from engine.costs.packets import Route, World
from engine.costs.path import HOST_OVERHEAD_S, INITIAL_WINDOW, LEAST_RTO_S
from engine.costs.tcp_receiver import Receiver
from engine.network.link import Congestion

PROBE_SLACK_S = 0.008
"""Slack of a tail-loss probe: two ticks of a kernel at 250 Hz."""

GREATEST_RTO_S = 120.0
"""Linux never waits longer than that."""

BBR_GAIN = 2.0
"""Round trips' worth of segments that BBR has under way at most (Cardwell et al., BBR, ACM Queue 14(5), 2016)."""

REORDERED = 3
"""Segments known to have arrived beyond a gap that make it a loss at once."""


@dataclass(frozen=True, slots=True)
class Path:
    """The hops of segments, and of their acknowledgments."""

    forth: Route
    back: Route

    def round_trip_s(self) -> float:
        """Of a segment without payload, with nobody in the way."""
        ways = [channel.way.latency_s + channel.airtime_s(0) for channel in (*self.forth, *self.back)]
        return sum(ways) + 2 * HOST_OVERHEAD_S

    def segment_bytes(self) -> int:
        """Most payload of a segment."""
        carrying = [channel.way.payload_bytes for channel in self.forth if not channel.is_repaired]
        return max(1, int(min(carrying)))

    def most_under_way(self, segment: int) -> float:
        """Segments that fill the path as often as BBR wants."""
        slowest = max(channel.airtime_s(segment) for channel in self.forth)
        return max(4.0, BBR_GAIN * (self.round_trip_s() + slowest) / slowest)


@dataclass(slots=True)
class Segment:
    """A segment that has been handed to the sender.

    Attributes:
        number: its place in the connection.
        size: bytes of payload.
        sent: when it was last sent; negative if not yet.
        is_repeat: whether it was sent more than once.
        is_known: whether it is known to have arrived.
        is_missing: whether it is taken for lost.
    """

    number: int
    size: int
    sent: float = -1.0
    is_repeat: bool = False
    is_known: bool = False
    is_missing: bool = False


class Sender:
    """Args: clock and chance; the path; the congestion control."""

    peer: Receiver

    def __init__(self, world: World, path: Path, congestion: Congestion) -> None:
        self._world, self._path, self._control = world, path, control(congestion)
        self._yields = congestion != "bbr"
        self._segment = path.segment_bytes()
        self._trip = self._least_trip = self._newest_trip = path.round_trip_s()
        self._deviation = self._trip / 2
        self._window, self._threshold = float(INITIAL_WINDOW), np.inf
        self._most = path.most_under_way(self._segment) if congestion == "bbr" else np.inf
        self._segments: list[Segment] = []
        self._first = self._next = 0  # of those under way, and after them
        self._known = self._missing = 0  # how many of those under way
        self._recovery, self._is_timeout = -1, False
        self._backoff, self._timer, self._may_probe, self._round_end = 0, 0, True, 0
        self._newest, self._last_sent = -1.0, -1.0

    # Sending ---------------------------------------------------------------------------------------------------------

    def write(self, payload: int, arrived: Callable[[], None]) -> None:
        """Send a message; an empty one is a segment too."""
        self._wake()
        count = max(1, -(-payload // self._segment))
        for place in range(count):
            size = self._segment if place < count - 1 else payload - (count - 1) * self._segment
            self._segments.append(Segment(len(self._segments), size))
        self.peer.expect(len(self._segments) - 1, arrived)
        self._fill()

    def _wake(self) -> None:
        """After a silence longer than the timeout the window halves per timeout, down to the first (RFC 2861)."""
        silence = self._world.clock.now - self._last_sent
        timeout = self._timeout()
        if self._last_sent < 0 or self._first < self._next or silence <= timeout:
            return
        if np.isfinite(self._threshold):
            self._threshold = max(self._threshold, 0.75 * self._window)
        least = min(float(INITIAL_WINDOW), self._window)
        while silence > timeout and self._window > least:
            silence -= timeout
            self._window /= 2
        self._window = max(self._window, least)
        self.peer.hurry()

    def _timeout(self) -> float:
        wait: float = (self._trip + max(LEAST_RTO_S, 4 * self._deviation)) * 2**self._backoff
        return min(wait, GREATEST_RTO_S)

    def _emit(self, segment: Segment) -> None:
        now = self._world.clock.now
        segment.is_repeat = segment.sent >= 0
        if segment.is_missing:
            self._missing -= 1
            segment.is_missing = False
        segment.sent = self._last_sent = now
        self._world.carry(self._path.forth, segment.size, self.peer.arrived, segment.number, now)

    def _fill(self) -> None:
        """Send what the window allows: what is missing first."""
        room = max(1, int(self._window)) - (self._next - self._first - self._known - self._missing)
        if self._missing and room > 0:
            for segment in [one for one in self._segments[self._first : self._next] if one.is_missing][:room]:
                self._emit(segment)
                room -= 1
        while room > 0 and self._next < len(self._segments):
            self._next += 1
            self._emit(self._segments[self._next - 1])
            room -= 1
        self._arm()

    # Timers ----------------------------------------------------------------------------------------------------------

    def _arm(self, *, has_probed: bool = False) -> None:
        """Set the timer anew: for a probe where nothing says yet that anything is missing, else for the timeout."""
        self._timer += 1
        waiting = self._next - self._first - self._known
        if waiting <= 0:
            return
        wait = self._timeout()
        probes = self._may_probe and not has_probed and self._recovery < 0 and not self._known
        if probes:
            wait = min(wait, 2 * self._trip + (LEAST_RTO_S if waiting == 1 else PROBE_SLACK_S))
        self._world.clock.at(self._world.clock.now + wait, self._fire, self._timer, probes)

    def _fire(self, token: int, probes: bool) -> None:
        if token != self._timer or self._first >= self._next:
            return
        if probes:
            self._may_probe = False
            self._next = min(self._next + 1, len(self._segments))
            self._emit(self._segments[self._next - 1])
            self._arm(has_probed=True)
            return
        for segment in self._segments[self._first : self._next]:
            segment.is_missing = not segment.is_known
        self._missing = self._next - self._first - self._known
        if self._recovery < 0:
            self._threshold = self._control.reduced(self._window)
        self._control.timed_out()
        if self._yields:
            self._window = 1.0
        self._recovery, self._is_timeout = self._next, True
        self._backoff += 1
        self._fill()

    # Acknowledgments -------------------------------------------------------------------------------------------------

    def acknowledged(self, in_order: int, beyond: frozenset[int], stamp: float) -> None:
        """Read an acknowledgment: round trip, window, what is missing."""
        under_way = self._next - self._first
        is_full = under_way >= int(self._window) or (self._window < self._threshold and self._window < 2 * under_way)
        news, trip = self._learn(in_order, beyond, stamp)
        if in_order > self._first:
            self._known -= sum(one.is_known for one in self._segments[self._first : in_order])
            self._first, self._backoff, self._may_probe = in_order, 0, True
        if news:
            self._measure(trip)
        if 0 <= self._recovery <= self._first:
            self._recover()
        self._grow(news, trip, is_full=is_full)
        if self._known or self._recovery >= 0:
            self._find_missing()
        self._fill()

    def _learn(self, in_order: int, beyond: frozenset[int], stamp: float) -> tuple[int, float]:
        """Mark what has arrived; gives how many segments are news, and the round trip that they tell."""
        now, news = self._world.clock.now, 0
        trip = now - stamp  # time stamps tell it for repeated segments, too (RFC 7323)
        for segment in self._segments[self._first : self._next]:
            if segment.number >= in_order and not beyond:
                break
            if segment.is_known or not (segment.number < in_order or segment.number in beyond):
                continue
            segment.is_known = True
            self._known += 1
            news += 1
            if segment.is_missing:
                segment.is_missing = False
                self._missing -= 1
            age = now - segment.sent
            if not segment.is_repeat:
                trip = age
            if segment.sent > self._newest and not (segment.is_repeat and age < self._least_trip):
                self._newest, self._newest_trip = segment.sent, age
        return news, trip

    def _measure(self, trip: float) -> None:
        """Smoothed round trip and its deviation (RFC 6298, section 2; Linux trusts shorter trips less)."""
        self._least_trip = min(self._least_trip, trip)
        off = abs(trip - self._trip)
        is_shorter = trip < self._trip and off > self._deviation
        self._deviation += (off - self._deviation) / (32 if is_shorter else 4)
        self._trip += (trip - self._trip) / 8

    def _recover(self) -> None:
        """All that was under way when the loss was found has arrived."""
        self._recovery = -1
        if not self._is_timeout:
            self._window = self._threshold
        self._is_timeout = False

    def _grow(self, news: int, trip: float, *, is_full: bool) -> None:
        if not news:
            return
        now = self._world.clock.now
        is_slow_start = self._window < self._threshold
        if is_slow_start and (self._is_timeout or (self._recovery < 0 and is_full)):
            self._window = min(self._threshold, self._window + news)
        elif self._recovery < 0 and is_full:
            self._window = self._control.grown(self._window, news, now)
        if is_slow_start:
            is_new_round = self._first > self._round_end
            if is_new_round:
                self._round_end = self._next
            if self._control.leaves_slow_start(self._window, trip, now, is_new_round=is_new_round):
                self._threshold = self._window
        self._window = min(self._window, self._most)

    def _find_missing(self) -> None:
        """RACK: what was sent before something that has arrived, by more than a quarter round trip, is lost."""
        now = self._world.clock.now
        slack = 0.0 if self._known >= REORDERED or self._recovery >= 0 else self._least_trip / 4
        found, later = False, np.inf
        live = self._segments[self._first : self._next]
        last_known = max((one.number for one in live if one.is_known and one.sent >= self._newest), default=-1)
        for segment in live:
            if segment.is_known or segment.is_missing or segment.sent > self._newest:
                continue
            if segment.sent == self._newest and segment.number > last_known:
                continue
            due = segment.sent + self._newest_trip + slack
            if due <= now or self._known >= REORDERED:
                segment.is_missing = found = True
                self._missing += 1
            else:
                later = min(later, due)
        if found and self._recovery < 0:
            self._recovery = self._next
            self._threshold = self._window = self._control.reduced(self._window)
        if later < np.inf:
            self._world.clock.at(later, self._look_again)

    def _look_again(self) -> None:
        if self._first < self._next:
            self._find_missing()
            self._fill()
