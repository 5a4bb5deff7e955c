"""All connections of a network whose nodes pass messages on, with the link of each, before ways are found."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.network.graph import Graph
from engine.network.link import Link
from engine.network.network import LinkTable, Nodes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

Metric = Literal["hops", "latency", "capacity"]
"""What makes a way to the server the best: the fewest hops, the least sum of one-way latencies, or the least sum of
seconds per bit (of 1 / rate, as OSPF's default cost, RFC 2328 appendix C.3)."""

TIE = 1e-9
"""Seconds added to each hop, so that of ways that are equally good the one with fewer hops is taken."""

NO_LINK = -1
"""Stands for the link of the end farther from the server."""


@dataclass(frozen=True)
class Wires:
    """Connections between places: devices first, then gateways, the server last.

    Attributes:
        num_devices: devices have the places 0 to N - 1.
        num_gateways: gateways have the places from N on.
        ends: (E, 2) both ends of each connection.
        link_of: (T,) link of the connections of which a node is the end farther from the server.
        up: (E,) link towards the server, ``NO_LINK`` for that of the farther end.
        down: (E,) link away from it, likewise.
        metric: what makes a way the best.
        points: (T, 2) where the nodes are drawn, from 0 to 1; None if nothing is known of that.
    """

    num_devices: int
    num_gateways: int
    ends: Ints
    link_of: Ints
    up: Ints
    down: Ints
    metric: Metric = "hops"
    points: Floats | None = None

    @classmethod
    def of(cls, graph: Graph, table: LinkTable, group_of: Nodes) -> "Wires":
        """The connections of a graph of devices and gateways, the latter joined to the server by the backhaul.

        Without a backhaul the gateways stand at the server and are one node with it.
        """
        num_gateways = graph.num_gateways if table.backhaul >= 0 else 0
        server = graph.num_devices + num_gateways
        portals = graph.portals + np.array([0, graph.num_devices])
        if not num_gateways:
            portals = np.unique(np.stack([portals[:, 0], np.full(len(portals), server)], axis=1), axis=0)
        stands = graph.num_devices + np.arange(num_gateways)
        wires = np.stack([stands, np.full(num_gateways, server)], axis=1)
        ends = np.concatenate([graph.pairs, portals, wires]).astype(np.int64)
        unset = np.full(len(ends), NO_LINK, dtype=np.int64)
        return cls(graph.num_devices, num_gateways, ends, links_by_node(table, group_of, num_gateways), unset, unset)

    @property
    def server(self) -> int:
        """The server's place."""
        return self.num_devices + self.num_gateways

    def climb(self, links: tuple[Link, ...]) -> tuple[Ints, Ints]:
        """The best way of each place to the server.

        Args:
            links: the links by their place in the network's table.

        Returns:
            (T,) next place on the way, the server's own being the server; (T,) number of hops.

        Raises:
            EngineError: somebody cannot reach the server.
        """
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import breadth_first_order, dijkstra

        count = self.server + 1
        one, other = self.ends[:, 0], self.ends[:, 1]
        # Arcs lead away from the server, priced as messages that come the other way.
        lower, upper = np.concatenate([one, other]), np.concatenate([other, one])
        matrix = csr_matrix((self._prices(lower, links), (upper, lower)), shape=(count, count))
        matrix.sort_indices()
        if self.metric == "hops":
            _, parent = breadth_first_order(matrix, self.server, directed=True, return_predecessors=True)
        else:
            _, parent = dijkstra(matrix, directed=True, indices=self.server, return_predecessors=True)
        parent = parent.astype(np.int64)
        parent[self.server] = self.server
        if np.any(parent < 0):
            raise EngineError("not every device is connected to the server")
        return parent, _depths(parent)

    def _prices(self, lower: Ints, links: tuple[Link, ...]) -> Floats:
        """(2E,) what a hop towards the server costs, by its lower end; each connection stands there both ways."""
        if self.metric == "hops":
            return np.ones(len(lower))
        used = np.concatenate([self.up, self.up])
        used = np.where(used == NO_LINK, self.link_of[lower], used)
        by_link = [link.rtt.value / 2 if self.metric == "latency" else 1 / link.up_rate.value for link in links]
        prices: Floats = TIE + np.asarray(by_link)[used]
        return prices


def links_by_node(table: LinkTable, group_of: Nodes, num_gateways: int) -> Ints:
    """(T,) the link by which each place reaches what is nearer to the server, where nothing else is said."""
    of_device = np.asarray(table.of_group, dtype=np.int64)[group_of]
    return np.concatenate([of_device, np.full(num_gateways + 1, table.backhaul, dtype=np.int64)])


def _depths(parent: Ints) -> Ints:
    """(T,) hops to the root, which is its own parent; each turn doubles the hops that are climbed."""
    depth: Ints = (parent != np.arange(len(parent))).astype(np.int64)
    above = parent
    while np.any(above[above] != above):
        depth, above = np.add(depth, depth[above]), above[above]
    return depth
