"""A network as nodes and edges for drawing: every device of a small fleet, groups of them in a large one."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from engine.core.nodes import SERVER, gateway_node, node_name
from engine.network.network import Edge, Network

MOST_DEVICES = 300
"""Devices that are drawn one by one; with more, those of one group at one gateway are one node."""

MOST_NODES = 300
"""Nodes that are drawn at all; of more gateways the first are drawn, and the rest stands as a number."""


def graph(network: Network) -> dict[str, Any]:
    """The network as plain data for a canvas or a table.

    Returns:
        ``nodes``: id (``device:3``, ``gateway:0``, ``server``, or ``group:boards@gateway:0`` for many), kind (device,
        devices, gateway, server), group, count; ``edges``: source, target, link (id), up_bps and down_bps (payload
        rate), latency_s (one way), shared (whether devices take turns); ``collapsed``: whether devices stand together;
        ``hidden_gateways``: how many are left out.
    """
    if network.num_devices <= MOST_DEVICES:
        return _each(network, network.edges())
    return _together(network)


def _each(network: Network, edges: Iterable[Edge]) -> dict[str, Any]:
    names = np.repeat(np.array(list(network.counts), dtype=object), list(network.counts.values()))
    edges = list(edges)
    uppers = sorted({edge.upper for edge in edges} | {edge.lower for edge in edges if edge.lower < 0} | {SERVER})
    nodes = [_node(node) for node in reversed(uppers) if node < 0]
    nodes += [
        {"id": node_name(device), "kind": "device", "group": str(group), "count": 1}
        for device, group in enumerate(names)
    ]
    drawn = [_edge(network, node_name(edge.lower), node_name(edge.upper), edge.link) for edge in edges]
    return {"nodes": nodes, "edges": drawn, "collapsed": False, "hidden_gateways": 0}


def _together(network: Network) -> dict[str, Any]:
    has_backhaul = network.table.backhaul >= 0
    groups = list(network.counts)
    shown = min(network.num_gateways, max(1, MOST_NODES // (len(groups) + 1))) if has_backhaul else 1
    nodes = [_node(SERVER)]
    edges = []
    group_of = np.repeat(np.arange(len(groups)), list(network.counts.values()))
    gateway_of = network.gateway_of if has_backhaul else np.zeros(network.num_devices, dtype=np.int32)
    counts = np.zeros((len(groups), int(gateway_of.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(counts, (group_of, gateway_of), 1)
    for gateway in range(shown):
        upper = node_name(gateway_node(gateway)) if has_backhaul else node_name(SERVER)
        if has_backhaul:
            nodes.append(_node(gateway_node(gateway)))
            edges.append(_edge(network, upper, node_name(SERVER), network.table.backhaul))
        for number, group in enumerate(groups):
            if counts[number, gateway]:
                name = f"group:{group}@{upper}"
                nodes.append({"id": name, "kind": "devices", "group": group, "count": int(counts[number, gateway])})
                edges.append(_edge(network, name, upper, network.table.of_group[number]))
    hidden = network.num_gateways - shown if has_backhaul else 0
    return {"nodes": nodes, "edges": edges, "collapsed": True, "hidden_gateways": hidden}


def _node(node: int) -> dict[str, Any]:
    return {"id": node_name(node), "kind": "server" if node == SERVER else "gateway", "group": "", "count": 1}


def _edge(network: Network, source: str, target: str, place: int) -> dict[str, Any]:
    link = network.links[place]
    return {
        "source": source,
        "target": target,
        "link": network.table.names[place],
        "up_bps": link.up_rate.value,
        "down_bps": link.down_rate.value,
        "latency_s": link.rtt.value / 2,
        "shared": place in _waited_for(network),
    }


def _waited_for(network: Network) -> set[int]:
    """Links at which devices take turns in this topology."""
    segments = (segment for pattern in network.patterns for segment in pattern if segment.queued >= 0)
    hops = (segment.hops[segment.queued] for segment in segments)
    return {hop.link for hop in hops if hop.device_sends or hop.device_receives}
