"""Devices reach gateways, gateways reach the server."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import EngineError, Problem
from engine.core.nodes import SERVER, gateway_node
from engine.network.network import Edge, LinkTable, Network, Nodes
from engine.network.routes import NO_MEDIUM, Hop, Pattern, Routes, Segment
from engine.network.topology import Topology, topologies


@topologies.register
class Hierarchical(Topology):
    """Devices around gateways, gateways around the server.

    Device i belongs to gateway i modulo the number of gateways, over its group's link. Devices whose link has a shared
    medium take turns on their gateway's channel, in both directions. A gateway stores each message whole and passes it
    on over its backhaul, first come first served, each direction for itself; without a backhaul the gateways stand at
    the server and passing on costs nothing.
    """

    source: ClassVar[str] = "Liu et al., Client-Edge-Cloud Hierarchical Federated Learning, ICC 2020, section II"
    kind: Literal["hierarchical"] = "hierarchical"

    gateways: int = Field(default=4, ge=1, le=1_000_000)
    """How many gateways there are; no more than devices."""

    def check(self, counts: Mapping[str, int]) -> list[Problem]:
        """There must be no more gateways than devices."""
        total = sum(counts.values())
        if self.gateways <= total:
            return []
        message = f"should be at most the number of devices, {total}; given: {self.gateways}"
        return [Problem("gateways", "too_many_gateways", message)]

    def connect(self, counts: Mapping[str, int], table: LinkTable, seed: int) -> Network:
        """Four patterns per group (up, down, to and from the gateway only), then two between gateway and server."""
        patterns: list[Pattern] = []
        for link in table.of_group:
            queued = 0 if table.links[link].shared_medium else -1
            up = Segment((Hop(link, up=True, device_sends=True),), queued)
            down = Segment((Hop(link, up=False, device_receives=True),), queued)
            patterns += [(up, *_backhaul(table, up=True)), (*_backhaul(table, up=False), down), (up,), (down,)]
        patterns += [_backhaul(table, up=True), _backhaul(table, up=False)]
        total = sum(counts.values())
        gateway_of = (np.arange(total) % self.gateways).astype(np.int32)
        group_of = np.repeat(np.arange(len(counts), dtype=np.int32), list(counts.values()))
        return Network(
            table=table,
            counts=dict(counts),
            num_gateways=self.gateways,
            patterns=tuple(patterns),
            num_media=self.gateways * (2 + len(table.links)),
            router=_TreeRouter(table, group_of, gateway_of, self.gateways),
            wiring=_edges,
            gateway_of=gateway_of,
        )


def _edges(network: Network) -> list[Edge]:
    """Each device to its gateway, each gateway to the server."""
    if network.table.backhaul < 0:
        uppers = np.full(network.num_devices, SERVER)
    else:
        uppers = gateway_node(0) - network.gateway_of
    of_device = np.repeat(network.table.of_group, list(network.counts.values()))
    links = of_device.tolist()
    edges = [Edge(i, upper, link, link) for i, (upper, link) in enumerate(zip(uppers.tolist(), links, strict=True))]
    wire = network.table.backhaul
    if wire >= 0:
        edges += [Edge(gateway_node(k), SERVER, wire, wire) for k in range(network.num_gateways)]
    return edges


def _backhaul(table: LinkTable, *, up: bool) -> Pattern:
    return (Segment((Hop(table.backhaul, up),), queued=0),) if table.backhaul >= 0 else ()


class _TreeRouter:
    """Media of gateway k: its backhaul up, its backhaul down, then one channel for each link of the table."""

    def __init__(self, table: LinkTable, group_of: Nodes, gateway_of: Nodes, gateways: int) -> None:
        self.group_of, self.gateway_of, self.gateways = group_of, gateway_of, gateways
        self.per_gateway = 2 + len(table.links)
        self.has_backhaul = table.backhaul >= 0
        self.channel_of_group = np.array(
            [2 + link if table.links[link].shared_medium else NO_MEDIUM for link in table.of_group], dtype=np.int32
        )
        self.num_groups = len(table.of_group)

    def __call__(self, sources: Nodes, targets: Nodes) -> Routes:
        up = sources >= 0
        device, other = np.where(up, sources, targets), np.where(up, targets, sources)
        between = (sources < 0) & (targets < 0)
        up = np.where(between, targets == SERVER, up)
        gateway = np.where(between, -2 - np.minimum(sources, targets), self.gateway_of[np.maximum(device, 0)])
        to_server = other == SERVER
        wrong = np.where(between, gateway >= self.gateways, (other >= 0) | (~to_server & (other != -2 - gateway)))
        if np.any(wrong | (sources == targets)):
            raise EngineError("in a hierarchy messages go between a device, its own gateway and the server only")
        group = self.group_of[np.maximum(device, 0)]
        pattern = np.where(between, 4 * self.num_groups, 4 * group + np.where(to_server, 0, 2)) + np.where(up, 0, 1)
        base = gateway * self.per_gateway
        channel = self.channel_of_group[group]
        radio = np.where((channel == NO_MEDIUM) | between, NO_MEDIUM, base + channel)
        if not self.has_backhaul:
            return Routes(pattern=pattern.astype(np.int32), media=radio[:, None].astype(np.int32))
        wire = np.where(to_server | between, base + np.where(up, 0, 1), NO_MEDIUM)
        radio_first = ~between & (up | ~to_server)
        media = np.stack([np.where(radio_first, radio, wire), np.where(radio_first, wire, radio)], axis=1)
        return Routes(pattern=pattern.astype(np.int32), media=media.astype(np.int32))
