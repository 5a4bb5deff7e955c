"""The way of a device's messages to the server, hop by hop, for people to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.nodes import SERVER, gateway_node
from engine.network.network import Edge, Network


@dataclass(frozen=True)
class Way:
    """A way to the server.

    Attributes:
        group: of the device.
        nodes: the nodes that a message passes, device and server included.
        links: place of the link of each hop.
        latency_s: sum of the one-way latencies.
        rate_bps: rate of the slowest link on the way.
        bit_s: sum of the seconds that each hop takes for a bit, as every hop stores and sends it anew.
    """

    group: str
    nodes: tuple[int, ...]
    links: tuple[int, ...]
    latency_s: float
    rate_bps: float
    bit_s: float

    @property
    def num_hops(self) -> int:
        """Links that are crossed."""
        return len(self.links)

    @property
    def megabyte_s(self) -> float:
        """Seconds on air of a million bytes, stored and sent anew at each hop, without headers and loss."""
        return 8e6 * self.bit_s


def ways(network: Network) -> list[Way]:
    """For each group the way of its first device, and of its device with the most hops where that has more."""
    depth = None if network.relays is None else network.relays.depth
    found, start = [], 0
    for group, count in network.counts.items():
        chosen = [start]
        if depth is not None:
            mine = depth[start : start + count]
            chosen += [start + int(mine.argmax())] if mine.max() > mine[0] else []
        found += [_way(network, group, climb(network, device)) for device in chosen]
        start += count
    return found


def climb(network: Network, device: int) -> list[Edge]:
    """The connections from a device up to the server."""
    if network.relays is None:
        trunk = {edge.lower: edge for edge in network.trunk()}
        link = int(network.radio_of[device])
        above = gateway_node(int(network.gateway_of[device])) if trunk else SERVER
        edges = [Edge(device, above, link, link)]
        while edges[-1].upper != SERVER:
            edges.append(trunk[edges[-1].upper])
        return edges
    relays = network.relays
    steps = relays.steps(np.array([device], dtype=np.int32), np.array([SERVER], dtype=np.int32))
    places = relays.find(relays.places(steps.start), relays.places(steps.end))
    columns = (steps.start, steps.end, relays.up[places], relays.down[places])
    return [Edge(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _way(network: Network, group: str, edges: Sequence[Edge]) -> Way:
    links = [network.links[edge.link] for edge in edges]
    return Way(
        group=group,
        nodes=(edges[0].lower, *(edge.upper for edge in edges)),
        links=tuple(edge.link for edge in edges),
        latency_s=sum(link.rtt.value / 2 for link in links),
        rate_bps=min(link.up_rate.value for link in links),
        bit_s=sum(1 / link.up_rate.value for link in links),
    )
