"""From a network of the simulator to channels and paths of the emulator: the same rates, headers, delays and losses."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.core.errors import EngineError
from engine.core.nodes import node_name
from engine.costs.way import Way
from engine.emulation.links import QUEUE_BYTES, Channel, Hop, Pair, Plan
from engine.emulation.transports import coap, datagrams
from engine.network.link import Link
from engine.network.network import Network
from engine.network.routes import Pattern

Protocol = Literal["tcp", "coap", "datagram"]

TCP_HEADER_BYTES = 20 + 20 + 12
"""IPv4, TCP and its timestamps."""

HEADER_BYTES = {"tcp": TCP_HEADER_BYTES, "coap": coap.HEADER_BYTES, "datagram": datagrams.HEADER_BYTES}
"""What real packets carry before their payload."""

LEAST_PACKET_BYTES = 576
"""An IPv4 host takes packets of at least that size."""


@dataclass(frozen=True)
class Wiring:
    """A network as the emulator needs it.

    Attributes:
        plan: channels and paths, by the places of the nodes.
        transport: what all messages travel by.
        congestion: congestion control of TCP.
        frame_payload: payload of a frame or block, where packets are not TCP's.
        size: most bytes of an IP packet.
    """

    plan: Plan
    transport: Protocol
    congestion: str
    frame_payload: int
    size: int


def wire(network: Network, nodes: Sequence[int], pairs: Sequence[tuple[int, int]], seed: int) -> Wiring:
    """The wiring of those nodes.

    Args:
        network: as the cost model uses it.
        nodes: ids of the nodes, by their place in the laboratory.
        pairs: ids of nodes that talk to each other, in either order; both directions are wired.
        seed: of losses and jitter.

    Raises:
        EngineError: the network cannot be emulated; the message says why.
    """
    if network.relays is not None:
        raise EngineError("devices that pass on the messages of others are not emulated; take a star")
    if network.schedules is not None:
        raise EngineError("links that change by a schedule are not emulated; leave the schedules out")
    wirer = _Wirer(network, {node: place for place, node in enumerate(nodes)})
    for source, target in sorted({pair for one in pairs for pair in (one, one[::-1])}):
        wirer.add(source, target)
    return wirer.wiring(seed)


class _Wirer:
    """Collects channels as routes are added."""

    def __init__(self, network: Network, place: dict[int, int]) -> None:
        self.network, self.place = network, place
        self.channels: list[Channel] = []
        self.paths: dict[Pair, tuple[Hop, ...]] = {}
        self.known: dict[tuple[Hashable, Way], int] = {}
        self.airs: dict[Hashable, int] = {}
        self.transports: set[Protocol] = set()
        self.congestions: set[str] = set()
        self.payloads: set[int] = set()

    def add(self, source: int, target: int) -> None:
        """Add the way of messages between two nodes."""
        routes = self.network.routes(np.array([source], np.int32), np.array([target], np.int32))
        pattern: Pattern = self.network.patterns[int(routes.pattern[0])]
        if len(pattern) != 1:
            raise EngineError(
                f"messages from {node_name(source)} to {node_name(target)} are stored whole on the way, which is not "
                f"emulated; take a star"
            )
        segment, medium = pattern[0], int(routes.media[0, 0])
        links = [self.network.links[hop.link] for hop in segment.hops]
        ways = [Way.of(link, up=hop.up) for link, hop in zip(links, segment.hops, strict=True)]
        transport = self._note(links, ways)
        hops = []
        for number, (link, way, hop) in enumerate(zip(links, ways, segment.hops, strict=True)):
            # From the device's end both directions count the hops alike.
            at = number if hop.up else len(ways) - 1 - number
            ends = frozenset((source, target)) if link.shared_medium else (source, target)
            air: Hashable = ("medium", medium) if medium >= 0 and number == segment.queued else ("own", ends, at)
            repeats = way.transport == "datagram"
            channel = self._channel(air, way, transport)
            hops.append(Hop(channel, way.latency_s, way.loss, way.jitter_s, repeats))
        self.paths[self.place[source], self.place[target]] = tuple(hops)

    def wiring(self, seed: int) -> Wiring:
        """What has been added."""
        if len(self.transports) > 1 or len(self.congestions) > 1:
            several = ", ".join(sorted(self.transports) + sorted(self.congestions))
            raise EngineError(
                f"all devices need the same transport and congestion control to be emulated; are: {several}"
            )
        transport = self.transports.pop()
        payload = min(self.payloads)
        if transport == "coap" and payload not in coap.BLOCK_SIZES:
            sizes = ", ".join(map(str, coap.BLOCK_SIZES))
            raise EngineError(f"a block of CoAP holds {sizes} bytes (RFC 7959), not {payload}; set frame_payload")
        packet = payload + HEADER_BYTES[transport]
        return Wiring(
            plan=Plan(tuple(self.channels), self.paths, seed),
            transport=transport,
            congestion=self.congestions.pop(),
            frame_payload=payload,
            size=packet if transport == "tcp" else max(packet, LEAST_PACKET_BYTES),
        )

    def _note(self, links: Sequence[Link], ways: Sequence[Way]) -> Protocol:
        """What the messages of a route travel by."""
        limited = next((link for link in links if link.duty_cycle.value < 1), None)
        if limited is not None:
            raise EngineError(f"{limited.name} may be on air for a share of the time only, which is not emulated")
        ends = [way for way in ways if way.transport != "datagram"] or list(ways)
        if len({way.transport for way in ends}) > 1:
            raise EngineError("a message that changes from TCP to CoAP on its way is not emulated")
        self.transports.add(ends[0].transport)
        self.congestions.add(min(ends, key=lambda way: way.rate_bps).congestion)
        self.payloads.add(int(min(way.payload_bytes for way in ends)))
        return ends[0].transport

    def _channel(self, air: Hashable, way: Way, transport: Protocol) -> int:
        """The place of the channel with these figures on that air."""
        if (air, way) not in self.known:
            self.known[air, way] = place = len(self.channels)
            first = self.airs.setdefault(air, place)
            channel = channel_of(way, transport)
            self.channels.append(channel if first == place else replace(channel, air=first))
        return self.known[air, way]


def channel_of(way: Way, transport: Protocol) -> Channel:
    """The channel that gives real packets of that transport the time on air that the simulator reckons with."""
    header = HEADER_BYTES[transport]
    if way.transport == "datagram":
        return Channel(
            way.air_rate_bps,
            packet_bytes=-header,
            fragment_bytes=int(way.payload_bytes),
            fragment_header_bytes=round(way.header_bytes),
            queue_bytes=QUEUE_BYTES if transport == "tcp" else None,
        )
    return Channel(
        way.air_rate_bps,
        packet_bytes=round(way.header_bytes) - header,
        fragment_bytes=int(way.fragment_bytes),
        fragment_header_bytes=round(way.fragment_header_bytes),
    )
