"""Routes over many hops: each message is stored and passed on by the devices and gateways on its way."""

from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.core.nodes import SERVER, node_name
from engine.network.link import Link
from engine.network.network import Edge, Nodes
from engine.network.routes import Hop, Pattern, Routes, Segment
from engine.network.wires import NO_LINK, Wires

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
    """Best ways to the server, and the channels of all connections.

    Every node but the server has one next hop on its way to it. Messages from or to the server follow these hops;
    between two other nodes that are connected a message goes straight; between any other two it climbs to their first
    common node and down again, as in RPL's storing mode (RFC 6550, section 9.9).

    The end of a connection with more hops to the server is its lower end (of the greater number where both have as
    many); up is from there to the other end. Where a link is a shared medium, all that reach the upper end over it take
    turns, in both directions; else each direction of the connection has a channel of its own, first come first served.

    Args:
        wires: who is connected over which link; every device must reach the server.
        links: the links by their place in the network's table.
    """

    def __init__(self, wires: Wires, links: tuple[Link, ...]) -> None:
        self.num_devices, self.num_gateways = wires.num_devices, wires.num_gateways
        self.server, self.points = wires.server, wires.points
        self.parent, self.depth = wires.climb(links)
        one, other = wires.ends[:, 0], wires.ends[:, 1]
        swap = (self.depth[one] < self.depth[other]) | ((self.depth[one] == self.depth[other]) & (one < other))
        lower, upper = np.where(swap, other, one), np.where(swap, one, other)
        order = np.argsort(lower * (self.server + 1) + upper)
        self.lower, self.upper = lower[order], upper[order]
        own = wires.link_of[self.lower]
        self.up = np.where(wires.up[order] == NO_LINK, own, wires.up[order])
        self.down = np.where(wires.down[order] == NO_LINK, self.up, wires.down[order])
        self._codes = self.lower * (self.server + 1) + self.upper
        self._take(links)

    def _take(self, links: tuple[Link, ...]) -> None:
        self.num_links = len(links)
        self._is_shared = np.array([link.shared_medium for link in links], dtype=np.bool_)

    def over(self, used: Ints, links: tuple[Link, ...]) -> "Relays":
        """The same ways in a table of only those links that are used.

        Args:
            used: (K,) their places in the old table, ascending.
            links: the links themselves.
        """
        other = copy(self)
        other.up, other.down = np.searchsorted(used, self.up), np.searchsorted(used, self.down)
        other._take(links)
        return other

    @property
    def num_media(self) -> int:
        """Channels: one for each node and link where many may take turns, and two for each connection."""
        return (self.server + 1) * self.num_links + 2 * len(self._codes)

    @property
    def most_hops(self) -> int:
        """Hops of the farthest device to the server."""
        return int(self.depth.max())

    def gateway_of(self) -> Nodes:
        """(N,) number of the first gateway on each device's way to the server; 0 where there is none."""
        place = np.arange(self.server + 1)
        top = np.where(place < self.num_devices, self.parent, place)
        while np.any(top[top] != top):
            top = top[top]  # each turn doubles the hops that are climbed
        return np.where(top == self.server, 0, top - self.num_devices)[: self.num_devices].astype(np.int32)

    def radio_of(self) -> Ints:
        """(N,) place of the link by which each device reaches its next hop."""
        devices = np.arange(self.num_devices, dtype=np.int64)
        return self.up[self.find(devices, self.parent[devices])]

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
        columns = (self.nodes(self.lower), self.nodes(self.upper), self.up, self.down)
        return [Edge(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

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
        counts = np.where(self._is_direct(one, other), 1, self.depth[one] + self.depth[other])
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

    def _is_direct(self, one: Ints, other: Ints) -> NDArray[np.bool_]:
        """(M,) whether a message goes straight: its ends are connected, and that is the server's way if one is it."""
        of_server = (one == self.server) | (other == self.server)
        is_next = (self.parent[one] == other) | (self.parent[other] == one)
        direct: NDArray[np.bool_] = (self.find(one, other) >= 0) & (is_next | ~of_server)
        return direct

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
        link = np.where(up, self.up[found], self.down[found])
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
