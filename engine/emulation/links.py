"""The core of the packet emulator: links in virtual time, without sockets or clocks of its own.

A packet crosses the hops of its path one after another. On each it waits for the channel, occupies it for its time on
air, and is then either lost or arrives after the link's delay. Whoever drives the emulator says what time it is, so
tests run it in virtual time and the pump in real time.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from engine.core.streams import stream

Pair = tuple[int, int]
"""Source and target node, by their place in the laboratory."""

CHUNK = 4096
"""Uniform numbers that are drawn at once: one call per packet would cost more than the packet."""

QUEUE_BYTES = 200_000
"""Default length of the queue before a channel."""


@dataclass(frozen=True)
class Channel:
    """A direction of a link.

    Attributes:
        rate_bps: bits per second on air.
        packet_bytes: what the link adds to each packet; negative where it compresses headers away.
        fragment_bytes: bytes of a packet that fit into one frame of the link; 0 if packets are not cut.
        fragment_header_bytes: header of each frame of a packet that is cut.
        queue_bytes: bytes that may wait; a packet that finds more is dropped. None where the sender itself waits.
        air: place of the channel whose air this one uses, too: a half-duplex medium, or one that several nodes share;
            -1 for one's own.
    """

    rate_bps: float
    packet_bytes: int = 0
    fragment_bytes: int = 0
    fragment_header_bytes: int = 0
    queue_bytes: int | None = QUEUE_BYTES
    air: int = -1

    def airtime_s(self, size: int) -> float:
        """Time on air of a packet of that size, in its frames."""
        packet = max(0, size + self.packet_bytes)
        if self.fragment_bytes:
            packet += max(1, -(-packet // self.fragment_bytes)) * self.fragment_header_bytes
        return 8 * packet / self.rate_bps


@dataclass(frozen=True)
class Hop:
    """One channel crossed on the way.

    Attributes:
        channel: place of the channel.
        delay_s: time from the end of sending to the arrival.
        loss: probability that a packet is lost, after it has used its time on air.
        jitter_s: the delay varies by up to so much either way, uniformly, and never changes the order of packets.
        repeats: whether the link layer repeats what is lost until it is through; else the packet is gone.
    """

    channel: int
    delay_s: float
    loss: float = 0.0
    jitter_s: float = 0.0
    repeats: bool = False


@dataclass(frozen=True)
class Plan:
    """Everything that the emulator is told.

    Attributes:
        channels: all channels.
        paths: the hops between each two nodes that talk to each other.
        seed: of the losses and the jitter.
    """

    channels: tuple[Channel, ...]
    paths: Mapping[Pair, tuple[Hop, ...]]
    seed: int = 0

    @property
    def least_delay_s(self) -> float:
        """The least delay of any path, which lateness is measured against."""
        return min((sum(hop.delay_s for hop in hops) for hops in self.paths.values()), default=0.0)


@dataclass(frozen=True)
class Delivery:
    """A packet that has arrived.

    Attributes:
        due_s: when it had to.
        pair: from where to where.
        packet: its bytes.
    """

    due_s: float
    pair: Pair
    packet: bytes


@dataclass
class Counts:
    """What the emulator has seen so far.

    Attributes:
        packets: packets delivered.
        lost: packets lost on air.
        dropped: packets that found a full queue.
        sent_bytes: bytes that each pair of nodes put on its path, headers counted.
    """

    packets: int = 0
    lost: int = 0
    dropped: int = 0
    sent_bytes: Counter[Pair] = field(default_factory=Counter)


class LinkEmulator:
    """Carries packets over the paths of a plan.

    Args:
        plan: channels, paths and the seed.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.counts = Counts()
        self._air = [place if channel.air < 0 else channel.air for place, channel in enumerate(plan.channels)]
        self._free = [0.0] * len(plan.channels)
        self._queue: list[tuple[float, int, Pair, int, bytes]] = []
        self._number = 0
        self._latest: dict[tuple[Pair, int], float] = {}
        self._generator = stream(plan.seed, "emulated links")
        self._drawn: list[float] = []

    def offer(self, now: float, pair: Pair, packet: bytes) -> None:
        """A node sends a packet; it is ignored where no path leads."""
        if pair in self.plan.paths:
            self.counts.sent_bytes[pair] += len(packet)
            self._enter(now, pair, 0, packet)

    def next_s(self) -> float | None:
        """When something happens next; None if nothing is under way."""
        return self._queue[0][0] if self._queue else None

    def deliveries(self, now: float) -> Iterator[Delivery]:
        """What has arrived by now, in order."""
        while self._queue and self._queue[0][0] <= now:
            due, _, pair, place, packet = heapq.heappop(self._queue)
            if place == len(self.plan.paths[pair]):
                self.counts.packets += 1
                yield Delivery(due, pair, packet)
            else:
                self._enter(due, pair, place, packet)

    def _enter(self, now: float, pair: Pair, place: int, packet: bytes) -> None:
        """Put a packet on the hop at that place of its path."""
        hop = self.plan.paths[pair][place]
        channel, air = self.plan.channels[hop.channel], self._air[hop.channel]
        start = max(now, self._free[air])
        if channel.queue_bytes is not None and (start - now) * channel.rate_bps / 8 > channel.queue_bytes:
            self.counts.dropped += 1
            return
        airtime = channel.airtime_s(len(packet))
        leaves = start + airtime
        while hop.loss and self._draw() < hop.loss:
            self.counts.lost += 1
            if not hop.repeats:
                self._free[air] = leaves
                return
            leaves += airtime
        self._free[air] = leaves
        due = leaves + hop.delay_s
        if hop.jitter_s:
            due = max(due + (2 * self._draw() - 1) * hop.jitter_s, self._latest.get((pair, place), 0.0))
            self._latest[pair, place] = due
        self._number += 1
        heapq.heappush(self._queue, (due, self._number, pair, place + 1, packet))

    def _draw(self) -> float:
        if not self._drawn:
            self._drawn = self._generator.random(CHUNK).tolist()
        return self._drawn.pop()


def to_json(plan: Plan) -> dict[str, Any]:
    """A plan as plain data, for another process."""
    return {
        "channels": [astuple(channel) for channel in plan.channels],
        "paths": [[*pair, [astuple(hop) for hop in hops]] for pair, hops in plan.paths.items()],
        "seed": plan.seed,
    }


def from_json(tree: Mapping[str, Any]) -> Plan:
    """The plan of :func:`to_json`."""
    return Plan(
        channels=tuple(Channel(*values) for values in tree["channels"]),
        paths={(source, target): tuple(Hop(*hop) for hop in hops) for source, target, hops in tree["paths"]},
        seed=int(tree["seed"]),
    )
