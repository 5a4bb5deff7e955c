"""The hops of messages as channels that packets cross, and who speaks over them: one connection per pair of hosts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.costs.coap import Exchange
from engine.costs.frames import Frames
from engine.costs.packets import Air, Channel, Moment, World
from engine.costs.path import Path
from engine.costs.tcp import Connection
from engine.costs.way import Way
from engine.network.network import Network
from engine.network.routes import Pattern, Segment


class Talk(Protocol):
    """How two hosts exchange messages."""

    def send(self, payload: int, arrived: Moment, *, backwards: bool = False) -> None:
        """Send a message from the first host to the second, or backwards; says when all of it has arrived."""

    def open(self, *, backwards: bool = False) -> None:
        """Open a connection, where there are any; messages wait for it."""


@dataclass(frozen=True)
class Leg:
    """A segment of a message's route between two hosts.

    Attributes:
        key: the hosts' nodes, the lower end first, and the place of the segment as seen from there.
        up: the segment towards the server.
        down: the same segment away from it.
        media: numbers of the channels that ``up`` and ``down`` wait for; -1 for none.
        backwards: whether the message goes down.
        opens_s: time to join the network at the ends that are devices; None where no connection is opened here.
        silence_s: silence that duty cycles demand of the message.
    """

    key: tuple[int, int, int]
    up: Segment
    down: Segment
    media: tuple[int, int]
    backwards: bool
    opens_s: float | None
    silence_s: float


class Lanes:
    """The channels and connections of one simulation; those of the next are fresh.

    Args:
        world: clock and chance.
        network: links and patterns.
    """

    def __init__(self, world: World, network: Network) -> None:
        self._world, self._network = world, network
        self._talks: dict[tuple[int, int, int], Talk] = {}
        self.airs: dict[tuple[object, ...], Air] = {}

    def talk(self, leg: Leg) -> Talk:
        """Who speaks over that segment; a connection is kept until another is opened."""
        known = self._talks.get(leg.key)
        if known is None:
            known = self._talks[leg.key] = self._begin(leg)
        return known

    def open(self, leg: Leg) -> None:
        """Put a fresh connection in the place of the one that is kept; its handshake begins."""
        fresh = self._talks[leg.key] = self._begin(leg)
        fresh.open(backwards=leg.backwards)

    def occupied_s(self, leg: Leg) -> float:
        """For how long the channel that a segment waits for was occupied so far; 0 if it waits for none."""
        medium = leg.media[leg.backwards]
        return self.airs["medium", medium].used if medium >= 0 else 0.0

    def _begin(self, leg: Leg) -> Talk:
        forth = [self._channel(leg, leg.up, place) for place in range(len(leg.up.hops))]
        back = [self._channel(leg, leg.down, place) for place in range(len(leg.down.hops))]
        ways = tuple(channel.way for channel in forth)
        transport = transport_of(ways)
        if transport == "tcp":
            path = Path.of(ways)
            return Connection(self._world, forth, back, "cubic" if path is None else path.congestion)
        return Exchange(self._world, forth, back) if transport == "coap" else Frames(self._world, forth, back)

    def _channel(self, leg: Leg, segment: Segment, place: int) -> Channel:
        hop = segment.hops[place]
        link = self._network.links[hop.link]
        medium = leg.media[segment is leg.down]
        if place == segment.queued and medium >= 0:
            name: tuple[object, ...] = ("medium", medium)
        else:
            # Nobody else sends here; what the catalogue calls throughput has acknowledgments in it.
            name = (*leg.key, place, hop.up)
        way = Way.of(link, up=hop.up)
        return Channel(way, self.airs.setdefault(name, Air()), is_repaired=way.transport == "datagram")


def transport_of(ways: Sequence[Way]) -> str:
    """Who repairs loss on a segment: CoAP where a hop speaks it, else TCP where one does, else the link layers."""
    spoken = {way.transport for way in ways}
    return next((name for name in ("coap", "tcp") if name in spoken), "datagram")


def legs_of(
    network: Network, ends: NDArray[np.int32], size: NDArray[np.int64], connects: NDArray[np.bool_]
) -> list[list[Leg]]:
    """The segments that each message crosses.

    Args:
        network: finds the routes.
        ends: (2, M) sending and receiving nodes.
        size: (M,) bytes without headers.
        connects: (M,) whether a connection is opened first.
    """
    there, back = network.routes(ends[0], ends[1]), network.routes(ends[1], ends[0])
    silences: dict[tuple[int, int], list[float]] = {}
    found = []
    for number, (payload, opens) in enumerate(zip(size.tolist(), connects.tolist(), strict=True)):
        pattern = int(there.pattern[number])
        if (pattern, payload) not in silences:
            silences[pattern, payload] = [_silence_s(network, part, payload) for part in network.patterns[pattern]]
        crossing = _Crossing(
            ends=(int(ends[0, number]), int(ends[1, number])),
            forth=network.patterns[pattern],
            reverse=network.patterns[int(back.pattern[number])],
            media=there.media[number].tolist(),
            reverse_media=back.media[number].tolist(),
        )
        found.append(crossing.legs(network, silences[pattern, payload], opens=opens))
    return found


def _silence_s(network: Network, segment: Segment, payload: int) -> float:
    size = np.array([float(payload)])
    ways = [Way.of(network.links[hop.link], up=hop.up) for hop in segment.hops]
    return max(float(way.silence_s(size)[0]) for way in ways)


@dataclass(frozen=True)
class _Crossing:
    """A message's route, and the one back, with the channels that their segments wait for."""

    ends: tuple[int, int]
    forth: Pattern
    reverse: Pattern
    media: list[int]
    reverse_media: list[int]

    def legs(self, network: Network, silences: list[float], *, opens: bool) -> list[Leg]:
        """The segments with all that a connection needs to know."""
        touched = [any(hop.device_sends or hop.device_receives for hop in segment.hops) for segment in self.forth]
        legs = []
        for place, segment in enumerate(self.forth):
            other = len(self.forth) - 1 - place
            backwards = not segment.hops[0].up
            pair = (segment, self.reverse[other])
            numbers = (self.media[place], self.reverse_media[other])
            is_opened = opens and (touched[place] or not any(touched))
            legs.append(
                Leg(
                    key=(*(self.ends[::-1] if backwards else self.ends), other if backwards else place),
                    up=pair[backwards],
                    down=pair[not backwards],
                    media=(numbers[backwards], numbers[not backwards]),
                    backwards=backwards,
                    opens_s=_joining_s(network, segment) if is_opened else None,
                    silence_s=silences[place],
                )
            )
        return legs


def _joining_s(network: Network, segment: Segment) -> float:
    """Time until the radios at the ends that are devices have joined their network."""
    radios = [network.links[hop.link] for hop in segment.hops if hop.device_sends or hop.device_receives]
    return float(sum(link.connect_time.value for link in radios))
