"""Every device reaches the server over a link of its own."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from engine.core.errors import EngineError, Problem
from engine.core.nodes import SERVER, gateway_node
from engine.network.network import Edge, LinkTable, Network, Nodes
from engine.network.routes import NO_MEDIUM, Hop, Pattern, Routes, Segment
from engine.network.topology import Topology, topologies


@topologies.register
class Star(Topology):
    """Devices around one hub, behind which the server sits.

    Each device reaches the hub over its group's link; hub and server are joined by the backhaul, which forwards packet
    by packet, so that the slowest link on the way sets the pace. Without a backhaul the server stands at the hub. The
    backhaul is wide enough for all: it is never waited for.
    """

    source: ClassVar[str] = (
        "McMahan et al., AISTATS 2017 (clients and one server); shared medium: CSMA/CA, IEEE 802.11-2020 clause 10"
    )
    kind: Literal["star"] = "star"

    one_room: bool = False
    """Whether all devices are near one hub and those with the same kind of link take turns on its channel, where that
    link has a shared medium. If not, each device is somewhere else and has its channel to itself."""

    def check(self, counts: Mapping[str, int]) -> list[Problem]:
        """Nothing can be wrong: a star takes any number of devices."""
        return []

    def connect(self, counts: Mapping[str, int], table: LinkTable, seed: int) -> Network:
        """Two patterns per group: up and down."""
        patterns: list[Pattern] = []
        media = []
        for link in table.of_group:
            waits = self.one_room and table.links[link].shared_medium
            media.append(link if waits else NO_MEDIUM)
            patterns += [(_segment(link, table.backhaul, waits, up),) for up in (True, False)]
        router = _StarRouter(
            np.repeat(np.arange(len(counts), dtype=np.int32), list(counts.values())), np.array(media, dtype=np.int32)
        )
        return Network(
            table=table,
            counts=dict(counts),
            num_gateways=1,
            patterns=tuple(patterns),
            num_media=len(table.links),
            router=router,
            wiring=_edges,
            gateway_of=np.zeros(sum(counts.values()), dtype=np.int32),
            trunk=lambda: _trunk(table.backhaul),
        )


def _trunk(backhaul: int) -> list[Edge]:
    """The hub to the server, unless that stands there."""
    return [Edge(gateway_node(0), SERVER, backhaul, backhaul)] if backhaul >= 0 else []


def _edges(network: Network) -> list[Edge]:
    """Each device to the hub, and the hub to the server."""
    trunk = network.trunk()
    hub = gateway_node(0) if trunk else SERVER
    return [Edge(device, hub, link, link) for device, link in enumerate(network.radio_of.tolist())] + trunk


def _segment(link: int, backhaul: int, waits: bool, up: bool) -> Segment:
    access = Hop(link, up, device_sends=up, device_receives=not up)
    if backhaul < 0:
        return Segment((access,), queued=0 if waits else -1)
    beyond = Hop(backhaul, up)
    hops = (access, beyond) if up else (beyond, access)
    return Segment(hops, queued=hops.index(access) if waits else -1)


class _StarRouter:
    def __init__(self, group_of: Nodes, medium_of_group: Nodes) -> None:
        self.group_of, self.medium_of_group = group_of, medium_of_group

    def __call__(self, sources: Nodes, targets: Nodes) -> Routes:
        up = targets == SERVER
        device = np.where(up, sources, targets)
        if np.any((device < 0) | (~up & (sources != SERVER))):
            raise EngineError("in a star messages go between a device and the server only")
        group = self.group_of[device]
        return Routes(pattern=2 * group + ~up, media=self.medium_of_group[group][:, None])
