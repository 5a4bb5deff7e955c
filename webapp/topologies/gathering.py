"""Many devices as few nodes: those of one group at one gateway, or about as many hops away, stand together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER, gateway_node
from engine.network.network import Network

MOST_NODES = 16
"""Nodes of devices in a picture; with more, devices stand together by group alone."""

MOST_BANDS = 5
"""Columns of devices by their distance in hops, where devices relay."""


@dataclass(frozen=True)
class Gathered:
    """A node that stands for many devices or gateways.

    Attributes:
        title: what people call it.
        count: how many it stands for.
        group: number of its group, -1 for gateways.
        layer: its distance to the server in the picture, from 1.
    """

    title: str
    count: int
    group: int
    layer: int


@dataclass(frozen=True)
class Gathering:
    """The devices of a network, gathered.

    Attributes:
        nodes: the nodes but the server, which is number -1.
        of_device: (N,) the node of each device.
        of_gateway: (K,) the node of each gateway.
        edges: pairs of nodes that are connected, the one farther from the server first.
    """

    nodes: Sequence[Gathered]
    of_device: NDArray[np.int64]
    of_gateway: NDArray[np.int64]
    edges: Sequence[tuple[int, int]]

    def place(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The gathered node of each node id; the server stays -1."""
        devices = self.of_device[np.maximum(nodes, 0)]
        if not len(self.of_gateway):
            return np.where(nodes >= 0, devices, SERVER)
        gateways = self.of_gateway[np.clip(gateway_node(0) - nodes, 0, len(self.of_gateway) - 1)]
        return np.where(nodes >= 0, devices, np.where(nodes == SERVER, SERVER, gateways))


def gather(network: Network) -> Gathering:
    """The devices of a large network as few nodes."""
    groups = list(network.counts)
    group_of = np.repeat(np.arange(len(groups)), list(network.counts.values()))
    if network.relays is not None:
        return _by_hops(network, groups, group_of)
    trunk = network.trunk()
    above = np.full(network.num_gateways if trunk else 0, SERVER, dtype=np.int64)
    for edge in trunk:
        above[gateway_node(0) - edge.lower] = edge.upper
    depth = _depths(above)
    first = int(network.gateway_of.max(initial=0)) + 1
    apart = bool(trunk) and first * len(groups) <= MOST_NODES and len(above) <= MOST_NODES
    part = network.gateway_of.astype(np.int64) if apart else np.zeros(network.num_devices, dtype=np.int64)
    layer = int(depth.max(initial=0)) + 1
    nodes, of_device = _devices(group_of, part, dict.fromkeys(range(first), layer), groups)
    if apart and first > 1:
        titled = zip(nodes, _parts(group_of, part), strict=True)
        nodes = [Gathered(f"{node.title}, gateway {hub}", node.count, node.group, node.layer) for node, hub in titled]
    hubs, of_hub = _hubs(depth, apart=apart)
    gathering = Gathering([*nodes, *hubs], of_device, len(nodes) + of_hub, [])
    edges = [(edge.lower, edge.upper) for edge in trunk]
    lower, upper = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    devices = np.arange(network.num_devices)
    reach = gateway_node(0) - network.gateway_of.astype(np.int64) if trunk else np.full(len(devices), SERVER)
    low = gathering.place(np.concatenate([devices, lower]))
    high = gathering.place(np.concatenate([reach, upper]))
    pairs = np.unique(np.stack([low, high], axis=1), axis=0).tolist()
    return Gathering(gathering.nodes, of_device, gathering.of_gateway, [(int(a), int(b)) for a, b in pairs])


def _depths(above: NDArray[np.int64]) -> NDArray[np.int64]:
    """(K,) hops from each hub to the server."""
    depth, up = np.ones(len(above), dtype=np.int64), above
    while np.any(climbs := up != SERVER):
        depth += climbs
        up = np.where(climbs, above[np.maximum(gateway_node(0) - up, 0)], SERVER)
    return depth


def _hubs(depth: NDArray[np.int64], *, apart: bool) -> tuple[list[Gathered], NDArray[np.int64]]:
    """A node for each hub, or for each level of hubs, and the node of each hub."""
    if apart:
        names = ["hub"] if len(depth) == 1 else [f"gateway {number}" for number in range(len(depth))]
        return [Gathered(name, 1, -1, int(deep)) for name, deep in zip(names, depth, strict=True)], np.arange(
            len(depth)
        )
    levels, place, counts = np.unique(depth, return_inverse=True, return_counts=True)
    lowest = int(depth.max(initial=0))
    nodes = [
        Gathered("hub" if len(depth) == 1 else "gateways" if level == lowest else "hubs", int(count), -1, int(level))
        for level, count in zip(levels, counts, strict=True)
    ]
    return nodes, place.astype(np.int64)


def _by_hops(network: Network, groups: list[str], group_of: NDArray[np.int64]) -> Gathering:
    relays = network.relays
    assert relays is not None
    depth = relays.depth[: network.num_devices]
    bands = max(1, min(MOST_BANDS, MOST_NODES // len(groups)))
    low, high = int(depth.min()), int(depth.max())
    width = -(-(high - low + 1) // bands)
    band = (depth - low) // width
    more = 2 if relays.num_gateways else 1
    layers = {number: number + more for number in range(bands)}
    nodes, of_device = _devices(group_of, band, layers, groups)
    nodes = [
        Gathered(f"{node.title}, {_hops(low + part * width, min(high, low + part * width + width - 1))}", *rest)
        for node, part in zip(nodes, _parts(group_of, band), strict=True)
        for rest in [(node.count, node.group, node.layer)]
    ]
    of_gateway = np.full(relays.num_gateways, len(nodes), dtype=np.int64)
    if relays.num_gateways:
        nodes.append(Gathered("gateways", relays.num_gateways, -1, 1))
    gathering = Gathering(nodes, of_device, of_gateway, [])
    lower = gathering.place(relays.nodes(relays.lower).astype(np.int64))
    upper = gathering.place(relays.nodes(relays.upper).astype(np.int64))
    pairs = np.unique(np.stack([lower, upper], axis=1)[lower != upper], axis=0)
    edges = sorted({_ordered(int(a), int(b), nodes) for a, b in pairs})
    return Gathering(nodes, of_device, of_gateway, edges)


def _ordered(one: int, other: int, nodes: Sequence[Gathered]) -> tuple[int, int]:
    """Two nodes, the one farther from the server first; of two as far, the one of the higher number."""
    layers = [0 if place == SERVER else nodes[place].layer for place in (one, other)]
    swap = (layers[0], one) < (layers[1], other)
    return (other, one) if swap else (one, other)


def _devices(
    group_of: NDArray[np.int64], part: NDArray[np.int64], layers: Mapping[int, int], groups: list[str]
) -> tuple[list[Gathered], NDArray[np.int64]]:
    """A node for each pair of part and group that has devices, and the node of each device."""
    keys, place, counts = np.unique(part * len(groups) + group_of, return_inverse=True, return_counts=True)
    nodes = [
        Gathered(groups[int(key) % len(groups)], int(count), int(key) % len(groups), layers[int(key) // len(groups)])
        for key, count in zip(keys, counts, strict=True)
    ]
    return nodes, place.astype(np.int64)


def _parts(group_of: NDArray[np.int64], part: NDArray[np.int64]) -> list[int]:
    """The part of each node, in the order of :func:`_devices`."""
    num_groups = int(group_of.max(initial=0)) + 1
    return [int(key) // num_groups for key in np.unique(part * num_groups + group_of)]


def _hops(first: int, last: int) -> str:
    return f"{first} hop{'s' if first > 1 else ''} away" if first == last else f"{first}–{last} hops away"
