"""How long a message takes, as a distribution: percentiles where the closed form knows only the mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER
from engine.core.streams import stream
from engine.costs.model import CostModel
from engine.costs.tcp import Channel, Connection
from engine.costs.traffic import HOST_OVERHEAD_S, Path, Way, segment_terms
from engine.network.link import Congestion, Link
from engine.network.routes import Segment

Floats = NDArray[np.float64]

MOST_SEGMENTS = 20_000
"""Segments of a message that are followed one by one: a sample of more would take seconds."""


@dataclass(frozen=True)
class Distribution:
    """Times of one message, drawn again and again.

    Attributes:
        samples_s: (S,) seconds, ascending.
        is_sampled: whether loss was followed segment by segment; else all samples are the closed form's mean.
    """

    samples_s: Floats
    is_sampled: bool

    @property
    def mean_s(self) -> float:
        """The mean."""
        return float(self.samples_s.mean())

    def quantile_s(self, share: float) -> float:
        """The time within which that share of messages arrives: 0.5 is the median, 0.95 the 95th percentile."""
        return float(np.quantile(self.samples_s, share))


def latency(
    model: CostModel,
    device: int,
    payload: int,
    *,
    up: bool = True,
    new_connection: bool = False,
    samples: int = 200,
    seed: int = 0,
) -> Distribution:
    """The distribution of the time of a message between a device and the server, alone on its way.

    Args:
        model: fleet and network.
        device: number of the device.
        payload: bytes without headers.
        up: towards the server, or from it.
        new_connection: whether the radio wakes and a connection is opened first.
        samples: how often to draw.
        seed: of the stream that is drawn from.
    """
    ends = np.array([device], dtype=np.int32), np.array([SERVER], dtype=np.int32)
    source, target = ends if up else ends[::-1]
    if model.network.relays is not None:
        steps = model.network.relays.steps(source, target)
        source, target = steps.start, steps.end
    patterns = model.network.routes(source, target).pattern
    segments = [segment for pattern in patterns for segment in model.network.patterns[pattern]]
    touched = [any(hop.device_sends or hop.device_receives for hop in segment.hops) for segment in segments]
    opens = touched.index(True) if up else len(touched) - 1 - touched[::-1].index(True)
    sampler = _Sampler(model.network.links, samples, stream(seed, "latency", device, payload))
    parts = [
        sampler.times(segment, payload, opens=new_connection and place == opens)
        for place, segment in enumerate(segments)
    ]
    return Distribution(np.sort(np.sum([times for times, _ in parts], axis=0)), all(sampled for _, sampled in parts))


@dataclass(frozen=True)
class _Sampler:
    """Draws times of a message over one segment of its route.

    Attributes:
        links: the network's links.
        samples: how often to draw.
        draw: the only source of chance.
    """

    links: Sequence[Link]
    samples: int
    draw: np.random.Generator

    def times(self, segment: Segment, payload: int, *, opens: bool) -> tuple[Floats, bool]:
        """(S,) seconds, and whether they were followed segment by segment."""
        ways = tuple(Way.of(self.links[hop.link], up=hop.up) for hop in segment.hops)
        size = np.array([float(payload)])
        radios = [self.links[hop.link] for hop in segment.hops if hop.device_sends or hop.device_receives]
        fixed = opens * sum(link.connect_time.value for link in radios) + max(way.silence_s(size)[0] for way in ways)
        path = Path.of(ways)
        if path is None:
            return fixed + self._frames(ways, size), True
        if path.count(size)[0] > MOST_SEGMENTS:
            terms = segment_terms(ways, -1, size)
            mean = terms.serial + terms.after + opens * terms.handshake
            return np.full(self.samples, fixed + float(mean[0])), False
        is_certain = all(way.loss == 0 for way in ways)
        drawn = [
            self._connection(segment, path.congestion).send(payload, new_connection=opens)
            for _ in range(1 if is_certain else self.samples)
        ]
        return np.broadcast_to(fixed + np.array(drawn), self.samples), True

    def _connection(self, segment: Segment, congestion: Congestion) -> Connection:
        forth: list[Channel] = []
        back: list[Channel] = []
        for hop in segment.hops:
            link = self.links[hop.link]
            there = Channel(Way.of(link, up=hop.up))
            here = Way.of(link, up=not hop.up)
            forth.append(there)
            back.insert(0, Channel(here, there.air) if link.shared_medium else Channel(here))
        return Connection(forth, back, congestion, self.draw)

    def _frames(self, ways: Sequence[Way], size: Floats) -> Floats:
        """Frames that the link layer repeats while others are under way; a lost last one is waited for."""
        total = np.full(self.samples, HOST_OVERHEAD_S + sum(way.latency_s for way in ways))
        air = []
        for way in ways:
            frames, full = int(way.frames(size)[0]), way.frame_s(size)[0]
            last = 8 * (size[0] - (frames - 1) * way.payload_bytes + way.header_bytes) / way.air_rate_bps
            sent = self.draw.geometric(1 - way.loss, (self.samples, frames)) if way.loss else np.ones((1, frames))
            air.append(sent[:, :-1].sum(axis=1) * full + sent[:, -1] * last + np.zeros(self.samples))
            total += (sent[:, -1] - 1) * (2 * way.latency_s + full)
        frame = np.array([way.frame_s(size)[0] for way in ways])
        pace = np.argmax([part.mean() for part in air])
        drawn: Floats = total + air[pace] + frame.sum() - frame[pace]
        return drawn
