"""One message over TCP, segment by segment: what loss does to its time, which no formula says.

A discrete-event model of what Linux does by default: ten segments at first, slow start with HyStart's exit on growing
delay, CUBIC in its Reno-friendly region or Reno, selective acknowledgments with RACK and a tail-loss probe, a timeout
of at least 200 ms with back-off, delayed acknowledgments after the first sixteen. Of BBR only that it does not slow
down for loss. Sources: RFC 5681, 6298, 6675, 6928, 7323, 8985, 9406, 9438.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.costs.traffic import HOST_OVERHEAD_S, INITIAL_WINDOW, LEAST_RTO_S, SYN_TIMEOUT_S, Way
from engine.network.link import Congestion

PROBE_SLACK_S, DELAYED_ACK_S, QUICK_ACKS = 0.008, 0.040, 16
"""Slack of a tail-loss probe; the longest an acknowledgment is held back; how many are not held back at first."""

ACK_BYTES, SACK_BYTES, REQUEST_BYTES, CONFIRM_BYTES = 0, 12, 8, 4
"""Bytes beyond the headers: none in an acknowledgment, its selective part, options of SYN and SYN/ACK, and of the third
packet of the handshake, which the message follows."""

GROWTH = {"cubic": 0.53, "reno": 1.0, "bbr": 1.0}
"""Segments by which the window grows in a round trip: 3 (1 - 0.7) / (1 + 0.7) for CUBIC (RFC 9438, section 4.3)."""

KEPT = {"cubic": 0.7, "reno": 0.5, "bbr": 1.0}
"""Share of the window that is kept after a loss; BBR does not read random loss as congestion."""

BBR_GAIN = 2.0
"""Round trips' worth of segments that BBR has under way at most (Cardwell et al., BBR, ACM Queue 14(5), 2016)."""

LEAST_EXIT, DELAY_STEPS = 16, (0.004, 0.016)
"""HyStart leaves slow start from this window on, when delay grew by an eighth, within these bounds in seconds."""


@dataclass
class Clock:
    """Events in order of time."""

    now: float = 0.0
    queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    count: int = 0

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Do something later."""
        self.count += 1
        heapq.heappush(self.queue, (self.now + delay, self.count, action))

    def run(self, is_over: Callable[[], bool]) -> None:
        """Go on until it is over."""
        while self.queue and not is_over():
            self.now, _, action = heapq.heappop(self.queue)
            action()


@dataclass
class Air:
    """What is occupied while a frame is sent: one direction of a hop, or both where its medium is shared."""

    free: float = 0.0
    """When it is free again, in seconds."""


@dataclass
class Channel:
    """One hop in one direction.

    Attributes:
        way: rate, delay and loss.
        air: what frames wait for.
    """

    way: Way
    air: Air = field(default_factory=Air)

    def carry(self, clock: Clock, size: int, draw: np.random.Generator) -> float | None:
        """When a frame of that payload gets to the other end; None if it was lost, after using the air."""
        way = self.way
        frames = max(1, -(-size // int(way.payload_bytes)))
        airtime = 8 * (size + way.header_bytes * frames) / way.air_rate_bps
        if not way.is_tcp and way.loss > 0:
            airtime *= int(draw.geometric(1 - way.loss))  # the link layer repeats until it is through
        self.air.free = max(clock.now, self.air.free) + airtime
        is_lost = way.is_tcp and way.loss > 0 and draw.random() < way.loss
        return None if is_lost else float(self.air.free + way.latency_s)


class Connection:
    """A connection over the hops of a segment, fresh, with one message to send.

    Args:
        forth: the hops of the message, in order.
        back: the hops of acknowledgments, in order.
        congestion: congestion control of the sender.
        draw: the only source of chance.
    """

    def __init__(
        self, forth: Sequence[Channel], back: Sequence[Channel], congestion: Congestion, draw: np.random.Generator
    ) -> None:
        self.clock, self.forth, self.back, self.draw = Clock(), forth, back, draw
        self.congestion = congestion
        self.segment = int(min(channel.way.payload_bytes for channel in forth if channel.way.is_tcp))
        trip = 2 * sum(channel.way.latency_s for channel in forth) + 2 * HOST_OVERHEAD_S
        self.trip = self.least_trip = trip
        self.deviation = trip / 2
        self.window, self.threshold = float(INITIAL_WINDOW), np.inf
        slowest = max(8 * (self.segment + channel.way.header_bytes) / channel.way.air_rate_bps for channel in forth)
        self.most = max(4.0, BBR_GAIN * (trip + slowest) / slowest) if congestion == "bbr" else np.inf
        self.is_open = False

    def send(self, payload: int, *, new_connection: bool) -> float:
        """Seconds until the whole message has arrived, the handshake included if there is one."""
        if new_connection:
            self._request(SYN_TIMEOUT_S)
            self.clock.run(lambda: self.is_open)
        count = max(1, -(-payload // self.segment))
        self.sizes = [self.segment] * (count - 1) + [payload - (count - 1) * self.segment]
        self.sent_at, self.is_repeat = [-1.0] * count, [False] * count
        self.is_known, self.is_missing = [False] * count, [False] * count
        self.first, self.next, self.recovery = 0, 0, -1
        self.backoff, self.timer, self.may_probe, self.newest = 0, 0, True, -1.0
        self.has = [False] * count
        self.in_order, self.held, self.quick, self.hold = 0, 0, QUICK_ACKS, 0
        self._fill()
        self.clock.run(lambda: self.in_order == count)
        return self.clock.now

    def _request(self, timeout: float) -> None:
        """SYN and SYN/ACK; asked again when nothing comes."""
        if self.is_open:
            return
        self._carry(self.forth, REQUEST_BYTES, lambda: self._carry(self.back, REQUEST_BYTES, self._opened))
        self.clock.after(timeout, lambda: self._request(2 * timeout))

    def _opened(self) -> None:
        self.is_open = True
        self._carry(self.forth, CONFIRM_BYTES, lambda: None)

    def _carry(self, hops: Sequence[Channel], size: int, arrived: Callable[[], None]) -> None:
        """Move a packet over hops, one after another; nothing happens if it is lost."""
        if not hops:
            self.clock.after(HOST_OVERHEAD_S, arrived)
            return
        moment = hops[0].carry(self.clock, size, self.draw)
        if moment is not None:
            self.clock.after(moment - self.clock.now, lambda: self._carry(hops[1:], size, arrived))

    # Sender ----------------------------------------------------------------------------------------------------------

    def _live(self) -> range:
        return range(self.first, self.next)

    def _timeout(self) -> float:
        wait: float = (self.trip + max(LEAST_RTO_S, 4 * self.deviation)) * 2**self.backoff
        return wait

    def _emit(self, number: int) -> None:
        self.is_repeat[number] = self.sent_at[number] >= 0
        self.sent_at[number], self.is_missing[number] = self.clock.now, False
        stamp = self.clock.now
        self._carry(self.forth, self.sizes[number], lambda: self._arrived(number, stamp))

    def _fill(self) -> None:
        """Send what the window allows: what is missing first."""
        room = max(1, int(self.window)) - sum(not (self.is_known[k] or self.is_missing[k]) for k in self._live())
        for number in [k for k in self._live() if self.is_missing[k]][: max(0, room)]:
            self._emit(number)
            room -= 1
        while room > 0 and self.next < len(self.sizes):
            self._emit(self.next)
            self.next += 1
            room -= 1
        self._arm()

    def _arm(self, *, is_probing: bool = False) -> None:
        self.timer += 1
        waiting = [k for k in self._live() if not self.is_known[k]]
        if not waiting:
            return
        token, wait = self.timer, self._timeout()
        probes = self.may_probe and not is_probing and self.recovery < 0 and len(waiting) == self.next - self.first
        if probes:
            slack = LEAST_RTO_S if len(waiting) == 1 else PROBE_SLACK_S
            wait = min(wait, 2 * self.trip + slack)
        self.clock.after(wait, lambda: self._fire(token, probes=probes))

    def _fire(self, token: int, *, probes: bool) -> None:
        if token != self.timer or self.first >= self.next:
            return
        if probes:
            self.may_probe = False
            if self.next < len(self.sizes):
                self.next += 1
            self._emit(self.next - 1)
            self._arm(is_probing=True)
            return
        for number in self._live():
            self.is_missing[number] = not self.is_known[number]
        self.threshold = max(2.0, self.window * KEPT[self.congestion])
        self.window, self.recovery = (1.0 if self.congestion != "bbr" else self.window), self.next
        self.backoff += 1
        self._fill()

    def _acknowledged(self, in_order: int, beyond: frozenset[int], stamp: float) -> None:
        """Read an acknowledgment: round trip, window, what is missing."""
        news = [k for k in self._live() if not self.is_known[k] and (k < in_order or k in beyond)]
        under_way = self.next - self.first
        is_slow_start = self.window < self.threshold
        is_full = under_way >= int(self.window) or (is_slow_start and self.window < 2 * under_way)
        for number in news:
            self.is_known[number], self.is_missing[number] = True, False
            self.newest = max(self.newest, self.sent_at[number])
        if in_order > self.first:
            self.first, self.backoff, self.may_probe = in_order, 0, True
        if news:
            self._measure(self.clock.now - stamp)
        if 0 <= self.recovery <= self.first:
            self.recovery = -1
            self.window = max(2.0, min(self.threshold, self.window if self.window > 2 else self.threshold))
        self._grow(len(news), is_full=is_full)
        self._find_missing()
        self._fill()

    def _measure(self, trip: float) -> None:
        """Smoothed round trip and its deviation (RFC 6298, section 2)."""
        self.least_trip = min(self.least_trip, trip)
        self.deviation += (abs(trip - self.trip) - self.deviation) / 4
        self.trip += (trip - self.trip) / 8
        step = min(DELAY_STEPS[1], max(DELAY_STEPS[0], self.least_trip / 8))
        if self.congestion == "cubic" and LEAST_EXIT <= self.window < self.threshold and trip > self.least_trip + step:
            self.threshold = self.window

    def _grow(self, news: int, *, is_full: bool) -> None:
        if self.window < self.threshold and (is_full or self.recovery >= 0):
            self.window = min(self.threshold, self.window + news)
        elif self.recovery < 0 and is_full:
            self.window += GROWTH[self.congestion] * news / self.window
        self.window = min(self.window, self.most)

    def _find_missing(self) -> None:
        """RACK: what was sent before something that has arrived, by more than a quarter round trip, is lost."""
        arrived = sum(self.is_known[k] for k in self._live())
        slack = 0.0 if arrived >= 3 or self.recovery >= 0 else self.least_trip / 4
        found, later = False, None
        for number in self._live():
            is_older = self.sent_at[number] < self.newest or (self.sent_at[number] == self.newest and arrived > 0)
            if self.is_known[number] or self.is_missing[number] or not is_older:
                continue
            if self.sent_at[number] == self.newest and not any(self.is_known[number + 1 : self.next]):
                continue
            due = self.sent_at[number] + self.trip + slack
            if due <= self.clock.now or arrived >= 3:
                self.is_missing[number] = found = True
            else:
                later = due if later is None else min(later, due)
        if found and self.recovery < 0:
            self.recovery = self.next
            self.threshold = max(2.0, self.window * KEPT[self.congestion])
            self.window = self.threshold
        if later is not None:
            self.clock.after(later - self.clock.now, self._look_again)

    def _look_again(self) -> None:
        if self.first < self.next:
            self._find_missing()
            self._fill()

    # Receiver --------------------------------------------------------------------------------------------------------

    def _arrived(self, number: int, stamp: float) -> None:
        is_urgent = self.has[number] or number != self.in_order
        self.has[number] = True
        while self.in_order < len(self.has) and self.has[self.in_order]:
            self.in_order += 1
        self.held += 1
        self.quick -= 1
        if is_urgent or self.held >= 2 or self.quick >= 0 or any(self.has[self.in_order :]):
            self._acknowledge(stamp)
        else:
            token = self.hold
            self.clock.after(DELAYED_ACK_S, lambda: self._acknowledge(stamp) if token == self.hold else None)

    def _acknowledge(self, stamp: float) -> None:
        self.held, self.hold = 0, self.hold + 1
        in_order = self.in_order
        beyond = frozenset(k for k in range(in_order, len(self.has)) if self.has[k])
        size = SACK_BYTES if beyond else ACK_BYTES
        self._carry(self.back, size, lambda: self._acknowledged(in_order, beyond, stamp))
