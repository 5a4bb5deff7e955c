"""How long a message takes over one segment of its route, in expectation: closed form, term by term.

Notation as in :doc:`cost-model`: B payload bytes, n frames, H header bytes, R bits per second on air, p loss, tau the
time of one full frame at the slowest hop, RTT the round trip of a small frame. All formulas take arrays of messages at
once, (U,).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.network.link import Congestion, Link

Floats = NDArray[np.float64]

HOST_OVERHEAD_S = 0.3e-3
"""Time a host takes for one message, measured by a ping between real processes."""

TIMESTAMP_BYTES = 12
"""TCP's timestamps option in every segment (RFC 7323), taken from the frame's payload."""

HANDSHAKE_BYTES = 60 + 60 + 56
"""SYN, SYN/ACK and the first ACK with their options on the wire, IPv4 and TCP."""

INITIAL_WINDOW = 10
"""Segments that TCP sends before the first acknowledgment (RFC 6928)."""

LEAST_RTO_S = 0.2
"""Linux' least retransmission timeout beyond the smoothed round trip."""

SYN_TIMEOUT_S = 1.0
"""First timeout of a connection request (RFC 6298, section 2)."""

GREATEST_LOSS = 0.45
"""Cap of the loss over several hops: beyond it the series of back-off times has no finite mean."""


@dataclass(frozen=True)
class Way:
    """One link in one direction, as plain numbers.

    Attributes:
        rate_bps: bits of payload per second in full frames.
        payload_bytes: most payload of a frame.
        header_bytes: header of a frame.
        latency_s: one-way delay of a small frame.
        loss: share of frames lost.
        duty_cycle: share of time that a sender may be on air.
        is_tcp: whether TCP repairs the loss; else the link layer does.
        congestion: congestion control of TCP.
    """

    rate_bps: float
    payload_bytes: float
    header_bytes: float
    latency_s: float
    loss: float
    duty_cycle: float
    is_tcp: bool
    congestion: Congestion = "cubic"

    @classmethod
    def of(cls, link: Link, *, up: bool) -> "Way":
        """The link towards the server or away from it."""
        options = TIMESTAMP_BYTES if link.transport == "tcp" else 0
        return cls(
            rate_bps=(link.up_rate if up else link.down_rate).value,
            payload_bytes=max(1.0, link.frame_payload.value - options),
            header_bytes=link.frame_header.value + options,
            latency_s=link.rtt.value / 2,
            loss=link.loss.value,
            duty_cycle=link.duty_cycle.value,
            is_tcp=link.transport == "tcp",
            congestion=link.congestion,
        )

    @property
    def air_rate_bps(self) -> float:
        """Bits per second on air, headers counted: so that full frames carry payload at ``rate_bps``."""
        return self.rate_bps * (self.payload_bytes + self.header_bytes) / self.payload_bytes

    def frames(self, payload: Floats) -> Floats:
        """Number of frames of a message; an empty one takes one frame."""
        return np.maximum(1.0, np.ceil(payload / self.payload_bytes))

    def wire_bytes(self, payload: Floats) -> Floats:
        """Expected bytes on the wire: payload, a header per frame, and the repetitions of lost frames, 1 / (1 - p)."""
        return (payload + self.header_bytes * self.frames(payload)) / (1 - self.loss)

    def airtime_s(self, payload: Floats) -> Floats:
        """Expected time on air."""
        return 8 * self.wire_bytes(payload) / self.air_rate_bps

    def frame_s(self, payload: Floats) -> Floats:
        """Time on air of the message's largest frame."""
        return 8 * (np.minimum(payload, self.payload_bytes) + self.header_bytes) / self.air_rate_bps

    def silence_s(self, payload: Floats) -> Floats:
        """Silence that the duty cycle d demands: (1/d - 1) of the time on air of all frames but the last."""
        last = self.frame_s(payload)
        return np.maximum(0.0, self.airtime_s(payload) - last) * (1 / self.duty_cycle - 1)


@dataclass(frozen=True)
class Terms:
    """What a message pays on one segment, in seconds, each (U,).

    Attributes:
        handshake: opening the connection, its lost requests counted.
        before: from the sender to the channel that is waited for.
        service: occupying that channel; zero if there is none.
        serial: the rest of the time that bytes take to be put on the links.
        after: latency, host overhead, slow start, and repairing loss.
        silence: waiting because of the duty cycle.
    """

    handshake: Floats
    before: Floats
    service: Floats
    serial: Floats
    after: Floats
    silence: Floats


def segment_terms(ways: tuple[Way, ...], queued: int, payload: Floats) -> Terms:
    """The terms of a segment whose hops forward frame by frame: the slowest sets the pace, each other adds one frame.

    Args:
        ways: the hops, in order.
        queued: place of the hop whose channel is waited for; -1 if none.
        payload: (U,) bytes without headers.
    """
    air = np.stack([way.airtime_s(payload) for way in ways])
    frame = np.stack([way.frame_s(payload) for way in ways])
    slowest = air.argmax(axis=0)[None]
    pace = np.take_along_axis(air, slowest, axis=0)[0]
    serial = pace + frame.sum(axis=0) - np.take_along_axis(frame, slowest, axis=0)[0]
    latency = sum(way.latency_s for way in ways)
    silence = np.max([way.silence_s(payload) for way in ways], axis=0)
    service, before = np.zeros_like(payload), np.zeros_like(payload)
    if queued >= 0:
        service = air[queued]
        before = frame[:queued].sum(axis=0) + sum(way.latency_s for way in ways[:queued])
        serial = serial - service - frame[:queued].sum(axis=0)
        latency -= sum(way.latency_s for way in ways[:queued])
    repair, handshake = _protocol(ways, serial=pace, payload=payload)
    after = latency + HOST_OVERHEAD_S + repair
    return Terms(handshake, before, service, serial, after, silence)


def _protocol(ways: tuple[Way, ...], *, serial: Floats, payload: Floats) -> tuple[Floats, Floats]:
    """Slow start and loss repair, and the handshake, over the hops of a segment."""
    repair = np.zeros_like(payload)
    for way in ways:
        if not way.is_tcp:
            # The link layer repeats frames while others are under way (their time is in the time on air); only a lost
            # last frame is waited for, one round trip each time.
            repair = repair + way.loss / (1 - way.loss) * (2 * way.latency_s + way.frame_s(payload))
    path = Path.of(ways)
    if path is None:
        return repair, np.zeros_like(payload)
    return repair + path.repair_s(payload, serial), np.full_like(payload, path.handshake_s())


def slow_start_s(count: Floats, tau: Floats, rtt: float) -> Floats:
    """Time that a sender stands still because its window is not open yet.

    ``S(n) = sum over rounds w = 10, 20, 40, ... while sent + w < n and w tau < RTT + tau of (RTT + tau - w tau)``.

    Args:
        count: (U,) segments of the message.
        tau: (U,) time of a full segment, in seconds.
        rtt: round trip, in seconds.
    """
    total = np.zeros_like(count)
    window, sent = float(INITIAL_WINDOW), 0.0
    while np.any(open_ := (sent + window < count) & (window * tau < rtt + tau)):
        total += np.where(open_, rtt + tau - window * tau, 0.0)
        sent += window
        window *= 2
    return total


def loss_s(count: Floats, tau: Floats, rtt: float, loss: float, *, slows: bool = True) -> Floats:
    """Expected time that TCP needs to repair loss, beyond putting the repeated segments on air.

    The last segment lost: a tail-loss probe (RFC 8985), or the timeout if it was the only one, with back-off. An
    earlier one: what fast recovery cannot hide behind the rest of the flight. Long messages: the window that loss p
    leaves open, one segment per ``RTT sqrt(2 b p / 3)`` with b = 2 (Padhye et al. 1998, eq. 29, without its timeouts,
    which SACK and RACK avoid), beyond the initial window.

    Args:
        count: (U,) segments of the message.
        tau: (U,) time of a full segment, in seconds.
        rtt: round trip, in seconds.
        loss: probability that a segment is lost, below 0.5.
        slows: whether the sender slows down after a loss; bbr does not.
    """
    smoothed = rtt + tau
    timeout = smoothed + LEAST_RTO_S
    probe = np.where(count > 1, np.minimum(2 * smoothed + 0.008, timeout), timeout)
    tail = loss * probe / (1 - 2 * loss)
    first = np.minimum(count, float(INITIAL_WINDOW))
    middle = (1 - (1 - loss) ** (first - 1)) * np.maximum(tau, 1.25 * smoothed - first * tau / 2)
    beyond = np.maximum(0.0, count - INITIAL_WINDOW)
    window = slows * beyond * np.maximum(0.0, smoothed * np.sqrt(4 * loss / 3) - tau)
    return tail + np.maximum(np.where(count > 1, middle, 0.0), window) if loss > 0 else np.zeros_like(count)


@dataclass(frozen=True)
class Path:
    """A TCP connection over the hops of a segment.

    Attributes:
        ways: the hops.
        segment: most payload of one segment, in bytes.
        loss: probability that a segment is lost on the way.
        rtt: round trip of a small segment, in seconds.
        congestion: congestion control of the sender, that of the slowest link.
    """

    ways: tuple[Way, ...]
    segment: float
    loss: float
    rtt: float
    congestion: Congestion

    @classmethod
    def of(cls, ways: tuple[Way, ...]) -> "Path | None":
        """The connection, or None where no hop speaks TCP."""
        tcp = [way for way in ways if way.is_tcp]
        if not tcp:
            return None
        acknowledge = sum(8 * way.header_bytes / way.air_rate_bps for way in ways)
        return cls(
            ways=ways,
            segment=min(way.payload_bytes for way in tcp),
            loss=min(GREATEST_LOSS, 1 - float(np.prod([1 - way.loss for way in tcp]))),
            rtt=2 * sum(way.latency_s for way in ways) + 2 * HOST_OVERHEAD_S + acknowledge,
            congestion=min(tcp, key=lambda way: way.rate_bps).congestion,
        )

    def count(self, payload: Floats) -> Floats:
        """Number of segments; an empty message takes one."""
        return np.maximum(1.0, np.ceil(payload / self.segment))

    def tau(self, payload: Floats) -> Floats:
        """Time of the largest frame at the slowest hop."""
        slowest: Floats = np.max([way.frame_s(payload) for way in self.ways], axis=0)
        return slowest

    def handshake_s(self) -> float:
        """One round trip for SYN and SYN/ACK, their bytes, and the expected wait where one of both is lost."""
        failed = min(GREATEST_LOSS, 1 - (1 - self.loss) ** 2)
        lost_requests = SYN_TIMEOUT_S * failed / (1 - 2 * failed)
        return self.rtt + sum(8 * HANDSHAKE_BYTES / way.air_rate_bps for way in self.ways) + lost_requests

    def repair_s(self, payload: Floats, serial: Floats) -> Floats:
        """Slow start, and loss by :func:`loss_s` under an envelope.

        A lone segment waits for the timeout, two are saved by a probe. So that more bytes never cost less time, a
        message of several segments costs at least as much as one of a single full segment.

        Args:
            payload: (U,) bytes.
            serial: (U,) seconds on air at the slowest hop.
        """
        tau = self.tau(payload)
        slows = self.congestion != "bbr"
        lost = loss_s(self.count(payload), tau, self.rtt, self.loss, slows=slows)
        single = np.array([self.segment])
        alone = loss_s(np.ones(1), self.tau(single), self.rtt, self.loss)
        alone = alone + np.max([way.airtime_s(single) for way in self.ways], axis=0)
        lost = np.where(payload > self.segment, np.maximum(lost, alone - serial), lost)
        return slow_start_s(self.count(payload), tau, self.rtt) + lost
