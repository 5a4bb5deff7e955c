"""A network as nodes and edges for drawing: every device of a small fleet, groups of them in a large one."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER, gateway_node, node_name
from engine.network.network import Edge, Network
from engine.network.relays import Relays

MOST_DEVICES = 300
"""Devices that are drawn one by one; with more, those of one group at one gateway are one node."""

MOST_NODES = 300
"""Nodes that are drawn at all; of more gateways the first are drawn, and the rest stands as a number."""


def graph(network: Network) -> dict[str, Any]:
    """The network as plain data for a canvas or a table.

    Returns:
        ``nodes``: id (``device:3``, ``gateway:0``, ``server``; of many ``group:boards@gateway:0`` and, where devices
        relay, ``group:boards@hops:2-3``), kind (device, devices, gateway, gateways, server), group, count; ``edges``:
        source, target, link and down_link (id), up_bps and down_bps (payload rate), latency_s (one way, up), shared
        (whether devices take turns), and of many connections in one ``count``; ``collapsed``: whether devices stand
        together; ``hidden_gateways``: how many are left out.
    """
    if network.num_devices <= MOST_DEVICES:
        return _each(network, network.edges())
    return _together(network) if network.relays is None else _by_distance(network, network.relays)


def _each(network: Network, edges: Iterable[Edge]) -> dict[str, Any]:
    names = np.repeat(np.array(list(network.counts), dtype=object), list(network.counts.values()))
    edges = list(edges)
    uppers = sorted({edge.upper for edge in edges} | {edge.lower for edge in edges if edge.lower < 0} | {SERVER})
    nodes = [_node(node) for node in reversed(uppers) if node < 0]
    nodes += [
        {"id": node_name(device), "kind": "device", "group": str(group), "count": 1}
        for device, group in enumerate(names)
    ]
    drawn = [_edge(network, (node_name(e.lower), node_name(e.upper)), e.link, e.down) for e in edges]
    return {"nodes": nodes, "edges": drawn, "collapsed": False, "hidden_gateways": 0}


def _together(network: Network) -> dict[str, Any]:
    groups, trunk = list(network.counts), network.trunk()
    counts = _by_gateway(network)
    hubs = [edge.lower for edge in trunk]
    # Hubs above the gateways come first, so that what is drawn of the gateways hangs together with the server.
    upper = [hub for hub in hubs if -2 - hub >= counts.shape[1]]
    room = max(1, (MOST_NODES - min(len(upper), MOST_NODES // 2)) // (len(groups) + 1))
    shown = {*upper[: MOST_NODES // 2], *(hub for hub in hubs if -2 - hub < min(counts.shape[1], room))}
    nodes = [_node(SERVER), *(_node(hub) for hub in sorted(shown, reverse=True))]
    ends = [(edge, (node_name(edge.lower), node_name(edge.upper))) for edge in trunk]
    edges = [_edge(network, names, edge.link) for edge, names in ends if {edge.lower, edge.upper} <= shown | {SERVER}]
    for gateway in range(min(counts.shape[1], room)):
        above = node_name(gateway_node(gateway)) if hubs else node_name(SERVER)
        for number, group in enumerate(groups):
            if counts[number, gateway]:
                name = f"group:{group}@{above}"
                nodes.append({"id": name, "kind": "devices", "group": group, "count": int(counts[number, gateway])})
                edges.append(_edge(network, (name, above), network.table.of_group[number]))
    return {"nodes": nodes, "edges": edges, "collapsed": True, "hidden_gateways": len(hubs) - len(shown)}


def _by_gateway(network: Network) -> NDArray[np.int64]:
    """(G, K) devices of each group at each gateway; all at one where gateways stand at the server."""
    groups = len(network.counts)
    group_of = np.repeat(np.arange(groups), list(network.counts.values()))
    gateway_of = network.gateway_of if network.trunk() else np.zeros(network.num_devices, dtype=np.int32)
    counts = np.zeros((groups, int(gateway_of.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(counts, (group_of, gateway_of), 1)
    return counts


def _by_distance(network: Network, relays: Relays) -> dict[str, Any]:
    """Devices of one group and about as many hops from the server as one node, all gateways as another.

    An edge stands for all connections over one link between two such nodes; those inside a node are not drawn.
    """
    groups = list(network.counts)
    width = -(-relays.most_hops // max(1, MOST_NODES // len(groups) // 4))
    kinds = np.repeat(np.arange(len(groups)), list(network.counts.values()))
    band = relays.depth // width
    names = [
        f"group:{groups[group]}@hops:{number * width}" + (f"-{number * width + width - 1}" if width > 1 else "")
        for number in range(int(band.max()) + 1)
        for group in range(len(groups))
    ]
    label = np.full(relays.server + 1, len(names))
    label[: relays.num_devices] = band[: relays.num_devices] * len(groups) + kinds
    label[relays.server] = len(names) + 1
    names += [f"gateways:{relays.num_gateways}", node_name(SERVER)]
    counts = np.bincount(label, minlength=len(names))
    nodes = [_node(SERVER)]
    if relays.num_gateways:
        nodes.append({"id": names[-2], "kind": "gateways", "group": "", "count": relays.num_gateways})
    nodes += [
        {"id": names[k], "kind": "devices", "group": groups[k % len(groups)], "count": int(counts[k])}
        for k in np.flatnonzero(counts[:-2])
    ]
    ends = np.stack([label[relays.lower], label[relays.upper], relays.up, relays.down], axis=1)
    kept, times = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0, return_counts=True)
    edges = [
        _edge(network, (names[low], names[high]), int(up), int(down)) | {"count": int(number)}
        for (low, high, up, down), number in zip(kept, times, strict=True)
    ]
    return {"nodes": nodes, "edges": edges, "collapsed": True, "hidden_gateways": 0}


def _node(node: int) -> dict[str, Any]:
    return {"id": node_name(node), "kind": "server" if node == SERVER else "gateway", "group": "", "count": 1}


def _edge(network: Network, ends: tuple[str, str], up: int, down: int | None = None) -> dict[str, Any]:
    """A connection over one link, or over another away from the server."""
    down = up if down is None else down
    one, other = network.links[up], network.links[down]
    return {
        "source": ends[0],
        "target": ends[1],
        "link": network.table.names[up],
        "down_link": network.table.names[down],
        "up_bps": one.up_rate.value,
        "down_bps": other.down_rate.value,
        "latency_s": one.rtt.value / 2,
        "shared": up in _waited_for(network),
    }


def _waited_for(network: Network) -> set[int]:
    """Links at which devices take turns in this topology."""
    segments = (segment for pattern in network.patterns for segment in pattern if segment.queued >= 0)
    hops = (segment.hops[segment.queued] for segment in segments)
    access = {hop.link for hop in hops if hop.device_sends or hop.device_receives}
    return {link for link in access if network.links[link].shared_medium}
