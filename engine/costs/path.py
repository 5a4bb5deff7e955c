"""What hosts pay for opening, for slow start and for repairing loss, in expectation: TCP and CoAP in closed form.

Notation as in :mod:`engine.costs.way`; tau is the time of one full frame at the slowest hop, RTT the round trip of a
small frame.
"""

from dataclasses import dataclass

import numpy as np

from engine.costs.way import Floats, Ints, Way
from engine.network.link import Congestion, Transport

HOST_OVERHEAD_S = 0.3e-3
"""Time a host takes for one message, measured by a ping between real processes."""

HANDSHAKE_BYTES = 60 + 60 + 56
"""SYN, SYN/ACK and the first ACK with their options on the wire, IPv4 and TCP."""

INITIAL_WINDOW = 10
"""Segments that TCP sends before the first acknowledgment (RFC 6928)."""

LEAST_RTO_S = 0.2
"""Linux' least retransmission timeout beyond the smoothed round trip."""

SYN_TIMEOUT_S = 1.0
"""First timeout of a connection request (RFC 6298, section 2)."""

ACK_TIMEOUT_S, RANDOM_FACTOR, MOST_REPEATS = 2.0, 1.5, 4
"""CoAP's ACK_TIMEOUT, ACK_RANDOM_FACTOR and MAX_RETRANSMIT (RFC 7252, section 4.8)."""

GREATEST_LOSS = 0.45
"""Cap of the loss over several hops: beyond it the series of back-off times has no finite mean."""


def slow_start_s(
    count: Floats, tau: Floats, rtt: float, window: Floats | float = float(INITIAL_WINDOW), turn: Floats | float = 0.0
) -> Floats:
    """Time that a sender stands still because its window is not open yet.

    ``S(n) = sum over rounds w = w0, 2 w0, 4 w0, ... while sent + w < n and w tau < RTT + tau of (RTT + tau - w tau)``.
    Where acknowledgments take turns with the window that they answer, they wait for the end of it: then each round with
    ``sent + w < n`` stands still for at least their way back.

    Args:
        count: (U,) segments of the message.
        tau: (U,) time of a full segment, in seconds.
        rtt: round trip, in seconds.
        window: (U,) or one number: segments that may be under way at first, w0.
        turn: (U,) or one number: the way back of an acknowledgment that has waited for its turn; 0 where none does.
    """
    total, sent = np.zeros_like(count), np.zeros_like(count)
    while np.any(open_ := (sent + window < count) & ((window * tau < rtt + tau) | (np.asarray(turn) > 0))):
        total += np.where(open_, np.maximum(rtt + tau - window * tau, turn), 0.0)
        sent = sent + window
        window = 2 * window
    return total


def window_of(count: Floats, pauses: Ints) -> Floats:
    """(U,) segments that a sender may have under way when it begins with a message.

    A fresh connection starts with ten (RFC 6928). A kept one has the window that the message of the round before has
    opened, the first one and a segment for each that was acknowledged; it is halved for each timeout for which the
    connection was idle, down to the first one (RFC 2861, section 3.1, which Linux follows; RFC 7661 keeps it longer).

    Args:
        count: (U,) segments of the message.
        pauses: (U,) for how many timeouts the connection was idle; negative if it is not kept.
    """
    left = (INITIAL_WINDOW + count) / 2.0 ** np.maximum(0, pauses)
    return np.where(pauses < 0, float(INITIAL_WINDOW), np.maximum(float(INITIAL_WINDOW), left))


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


def wait_s(lost: float) -> float:
    """Expected time that a CoAP block waits for its timeouts, if it goes unanswered with this probability.

    The first timeout is drawn evenly between ACK_TIMEOUT and ACK_RANDOM_FACTOR times that, T in the mean; attempt
    k = 0 ... 4 fails with q and costs ``T 2^k``; after the last one the block begins again:
    ``W = T q sum_k (2q)^k / (1 - q^5)``.
    """
    attempts = MOST_REPEATS + 1
    timeout = ACK_TIMEOUT_S * (1 + RANDOM_FACTOR) / 2
    return timeout * lost * sum((2 * lost) ** k for k in range(attempts)) / (1 - lost**attempts)


@dataclass(frozen=True)
class Path:
    """What two hosts speak over the hops of a segment, where more than link layers repairs loss.

    Attributes:
        ways: the hops.
        transport: tcp, or coap where a hop speaks that.
        segment: most payload of one segment or block, in bytes.
        loss: probability that a segment is lost on the way.
        rtt: round trip of a small segment, in seconds.
        congestion: congestion control of the sender, that of the slowest link.
    """

    ways: tuple[Way, ...]
    transport: Transport
    segment: float
    loss: float
    rtt: float
    congestion: Congestion

    @classmethod
    def of(cls, ways: tuple[Way, ...]) -> "Path | None":
        """The path, or None where all hops repair their loss themselves."""
        lossy = [way for way in ways if way.transport != "datagram"]
        if not lossy:
            return None
        acknowledge = sum(way.acknowledge_s for way in ways)
        return cls(
            ways=ways,
            transport="coap" if any(way.transport == "coap" for way in ways) else "tcp",
            segment=min(way.payload_bytes for way in lossy),
            loss=min(GREATEST_LOSS, 1 - float(np.prod([1 - way.loss for way in lossy]))),
            rtt=2 * sum(way.latency_s for way in ways) + 2 * HOST_OVERHEAD_S + acknowledge,
            congestion=min(lossy, key=lambda way: way.rate_bps).congestion,
        )

    def count(self, payload: Floats) -> Floats:
        """Number of segments; an empty message takes one."""
        return np.maximum(1.0, np.ceil(payload / self.segment))

    def acknowledgments(self, payload: Floats) -> Floats:
        """How many a message is answered with: TCP answers every other segment, CoAP every block."""
        count = self.count(payload)
        return count if self.transport == "coap" else np.ceil(count / 2)

    def tau(self, payload: Floats) -> Floats:
        """Time of the largest frame at the slowest hop."""
        slowest: Floats = np.max([way.frame_s(payload) for way in self.ways], axis=0)
        return slowest

    def handshake_s(self) -> float:
        """One round trip for SYN and SYN/ACK, their bytes, and the expected wait where one of both is lost."""
        failed = min(GREATEST_LOSS, 1 - (1 - self.loss) ** 2)
        lost_requests = SYN_TIMEOUT_S * failed / (1 - 2 * failed)
        return self.rtt + sum(8 * HANDSHAKE_BYTES / way.air_rate_bps for way in self.ways) + lost_requests

    def timeout_s(self, payload: Floats) -> Floats:
        """Silence after which TCP sends again, or forgets half of its window: round trip and the least of the rest."""
        return self.rtt + self.tau(payload) + LEAST_RTO_S

    @property
    def turn_s(self) -> float:
        """The way of an acknowledgment back to the sender; 0 where no channel serves both directions in turn."""
        waits = any(way.is_shared for way in self.ways)
        return waits * (self.rtt + sum(way.acknowledge_s for way in self.ways)) / 2

    def repair_s(self, payload: Floats, serial: Floats, pauses: Ints | None = None) -> Floats:
        """Slow start, and loss by :func:`loss_s` under an envelope.

        A lone segment waits for the timeout, two are saved by a probe. So that more bytes never cost less time, a
        message of several segments costs at least as much as one of a single full segment.

        Args:
            payload: (U,) bytes.
            serial: (U,) seconds on air at the slowest hop.
            pauses: (U,) for how many timeouts the connection was idle, negative if it is not kept; None if none is.
        """
        tau = self.tau(payload)
        slows = self.congestion != "bbr"
        lost = loss_s(self.count(payload), tau, self.rtt, self.loss, slows=slows)
        single = np.array([self.segment])
        alone = loss_s(np.ones(1), self.tau(single), self.rtt, self.loss)
        alone = alone + np.max([way.airtime_s(single) for way in self.ways], axis=0)
        lost = np.where(payload > self.segment, np.maximum(lost, alone - serial), lost)
        count = self.count(payload)
        if pauses is None:
            return slow_start_s(count, tau, self.rtt) + lost
        turn = np.where(pauses >= 0, self.turn_s, 0.0)
        return slow_start_s(count, tau, self.rtt, window_of(count, pauses), turn) + lost

    def blocks_s(self, payload: Floats) -> Floats:
        """CoAP's stop and wait: each block but the last waits for its acknowledgment, and all for their timeouts."""
        answered = wait_s(min(GREATEST_LOSS, 1 - (1 - self.loss) ** 2))
        return (self.count(payload) - 1) * (self.rtt + answered) + wait_s(self.loss)
