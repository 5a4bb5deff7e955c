"""Routes over many hops: each message is stored and passed on by the devices and gateways on its way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.core.nodes import SERVER, node_name
from engine.network.graph import Graph
from engine.network.network import Edge, LinkTable, Nodes
from engine.network.routes import Hop, Pattern, Routes, Segment

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """The hops of M messages, in the order of messages and of their ways.

    Attributes:
        message: (H,) place of the message.
        start: (H,) sending node.
        end: (H,) receiving node.
        rank: (H,) a number that grows along each message's way; hops over one channel in one direction share it.
    """

    message: Ints
    start: Nodes
    end: Nodes
    rank: Ints


class Relays:
    """Shortest paths (fewest hops) to the server, and the channels of all connections.

    Every node but the server has one next hop on its way to it. Messages from or to the server follow these hops;
    between two nodes that are connected a message goes straight; between any other two it climbs to their first
    common node and down again, as in RPL's storing mode (RFC 6550, section 9.9).

    A connection uses the link of its end farther from the server (of the greater number where both are as far). Where
    that link is a shared medium, all that reach the nearer end over it take turns, in both directions; else each
    direction of the connection has a channel of its own, first come first served.

    Args:
        graph: who is connected; every device must reach a gateway.
        table: links by the part they play.
        group_of: (N,) group of each device.
    """

    def __init__(self, graph: Graph, table: LinkTable, group_of: Nodes) -> None:
        self.num_devices = graph.num_devices
        self.num_gateways = graph.num_gateways if table.backhaul >= 0 else 0
        self.server = self.num_devices + self.num_gateways
        self.num_links = len(table.links)
        ends = self._ends(graph)
        self.parent, self.depth = self._climb(ends)
        link_of = np.concatenate(
            [np.asarray(table.of_group, dtype=np.int64)[group_of], np.full(self.num_gateways + 1, table.backhaul)]
        )
        low, high = ends[:, 0], ends[:, 1]
        swap = (self.depth[low] < self.depth[high]) | ((self.depth[low] == self.depth[high]) & (low < high))
        self.lower, self.upper = np.where(swap, high, low), np.where(swap, low, high)
        order = np.argsort(self.lower * (self.server + 1) + self.upper)
        self.lower, self.upper = self.lower[order], self.upper[order]
        self.link = link_of[self.lower]
        self._codes = self.lower * (self.server + 1) + self.upper
        self._is_shared = np.array([link.shared_medium for link in table.links], dtype=np.bool_)

    def _ends(self, graph: Graph) -> Ints:
        """(E, 2) both ends of every connection as places."""
        portals = graph.portals + np.array([0, self.num_devices])
        if not self.num_gateways:
            portals = np.unique(np.stack([portals[:, 0], np.full(len(portals), self.server)], axis=1), axis=0)
        wires = np.stack(
            [self.num_devices + np.arange(self.num_gateways), np.full(self.num_gateways, self.server)], axis=1
        )
        return np.concatenate([graph.pairs, portals, wires]).astype(np.int64)

    def _climb(self, ends: Ints) -> tuple[Ints, Ints]:
        """(T,) next hop towards the server and number of hops to it, by breadth-first search."""
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import breadth_first_order, shortest_path

        count = self.server + 1
        matrix = csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
        matrix = (matrix + matrix.T).tocsr()
        matrix.sort_indices()
        order, parent = breadth_first_order(matrix, self.server, directed=True, return_predecessors=True)
        if len(order) < count:
            raise EngineError("not every device is connected to the server")
        depth = shortest_path(matrix, method="D", indices=self.server, unweighted=True)
        parent = parent.astype(np.int64)
        parent[self.server] = self.server
        return parent, depth.astype(np.int64)

    @property
    def num_media(self) -> int:
        """Channels: one for each node and link where many may take turns, and two for each connection."""
        return (self.server + 1) * self.num_links + 2 * len(self._codes)

    @property
    def most_hops(self) -> int:
        """Hops of the farthest device to the server."""
        return int(self.depth.max())

    def gateway_of(self) -> Nodes:
        """(N,) number of the gateway by which each device reaches the server."""
        if not self.num_gateways:
            return np.zeros(self.num_devices, dtype=np.int32)
        top = np.where(self.depth > 1, self.parent, np.arange(self.server + 1))
        while np.any(self.depth[top] > 1):
            top = top[top]  # each turn doubles the hops that are climbed
        return (top[: self.num_devices] - self.num_devices).astype(np.int32)

    def places(self, nodes: Nodes) -> Ints:
        """Nodes as places: devices, then gateways, then the server.

        Raises:
            EngineError: there is no such node.
        """
        nodes = nodes.astype(np.int64)
        places = np.where(nodes >= 0, nodes, np.where(nodes == SERVER, self.server, self.num_devices - 2 - nodes))
        known = (nodes < self.num_devices) & (nodes >= -1 - self.num_gateways)
        if not known.all():
            raise EngineError(f"the network has no {node_name(int(nodes[~known][0]))}")
        return places

    def nodes(self, places: Ints) -> Nodes:
        """Places as nodes."""
        below = np.where(places == self.server, SERVER, self.num_devices - 2 - places)
        return np.where(places < self.num_devices, places, below).astype(np.int32)

    def edges(self) -> list[Edge]:
        """All connections."""
        lower, upper = self.nodes(self.lower).tolist(), self.nodes(self.upper).tolist()
        return [Edge(*ends) for ends in zip(lower, upper, self.link.tolist(), strict=True)]

    def find(self, one: Ints, other: Ints) -> Ints:
        """The connection of each pair of places, -1 where there is none."""
        found = np.full(len(one), -1, dtype=np.int64)
        for lower, upper in ((one, other), (other, one)):
            codes = lower * (self.server + 1) + upper
            place = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
            found = np.where(self._codes[place] == codes, place, found)
        return found

    def num_hops(self, sources: Nodes, targets: Nodes) -> Ints:
        """(M,) hops of each message.

        Raises:
            EngineError: there is no such node, or both are the same.
        """
        one, other = self.places(sources), self.places(targets)
        counts = np.where(self.find(one, other) >= 0, 1, self.depth[one] + self.depth[other])
        between = (counts > 1) & (one != self.server) & (other != self.server)
        if between.any():
            meet, far = one[between], other[between]
            while np.any(apart := meet != far):
                climbs = apart & (self.depth[meet] >= self.depth[far])
                rises = apart & ~climbs
                meet, far = np.where(climbs, self.parent[meet], meet), np.where(rises, self.parent[far], far)
            counts[between] -= 2 * self.depth[meet]
        if np.any(one == other):
            raise EngineError("a message goes from one node to another, not to itself")
        return np.asarray(counts, dtype=np.int64)

    def steps(self, sources: Nodes, targets: Nodes) -> Steps:
        """The hops of messages between these nodes.

        Raises:
            EngineError: there is no such node, or both are the same.
        """
        counts = self.num_hops(sources, targets)
        one, other = self.places(sources), self.places(targets)
        first = np.cumsum(counts) - counts
        start, end, rank = (np.zeros(int(counts.sum()), dtype=np.int64) for _ in range(3))
        direct = counts == 1
        start[first[direct]], end[first[direct]] = one[direct], other[direct]
        goes_up = self.depth[one] > self.depth[other]
        farther = np.maximum(self.depth[one], self.depth[other])
        rank[first[direct]] = np.where(goes_up, self.most_hops - farther, farther)[direct]
        live = np.flatnonzero(~direct)
        head, tail = first[live], first[live] + counts[live] - 1
        below, above = one[live], other[live]
        while len(live):
            climbs = self.depth[below] >= self.depth[above]
            place = np.where(climbs, head, tail)
            child = np.where(climbs, below, above)
            start[place] = np.where(climbs, child, self.parent[child])
            end[place] = np.where(climbs, self.parent[child], child)
            rank[place] = np.where(climbs, self.most_hops - self.depth[child], self.depth[child])
            # What goes down after it may have gone up must come later than every climb.
            rank[place] += np.where(~climbs & (self.depth[one[live]] > 0), self.most_hops, 0)
            below, above = np.where(climbs, self.parent[below], below), np.where(climbs, above, self.parent[above])
            head, tail = head + climbs, tail - ~climbs
            go = below != above
            live, head, tail, below, above = (column[go] for column in (live, head, tail, below, above))
        message = np.repeat(np.arange(len(counts)), counts)
        return Steps(message, self.nodes(start), self.nodes(end), rank)

    def route(self, sources: Nodes, targets: Nodes) -> Routes:
        """The routes of messages over one hop.

        Raises:
            EngineError: two nodes are not connected.
        """
        one, other = self.places(sources), self.places(targets)
        found = self.find(one, other)
        if np.any(found < 0):
            worst = int(np.flatnonzero(found < 0)[0])
            names = node_name(int(sources[worst])), node_name(int(targets[worst]))
            raise EngineError(f"{names[0]} and {names[1]} are not connected")
        up = self.lower[found] == one
        link = self.link[found]
        pattern = 8 * link + 4 * up + 2 * (one < self.num_devices) + (other < self.num_devices)
        own = (self.server + 1) * self.num_links + 2 * found + up
        media = np.where(self._is_shared[link], self.upper[found] * self.num_links + link, own)
        return Routes(pattern=pattern.astype(np.int32), media=media[:, None].astype(np.int32))

    def patterns(self) -> tuple[Pattern, ...]:
        """One hop over each link, up or down, from and to a device or something else."""
        return tuple(
            (Segment((Hop(link, bool(up), bool(sends), bool(receives)),), queued=0),)
            for link in range(self.num_links)
            for up in (0, 1)
            for sends in (0, 1)
            for receives in (0, 1)
        )
