"""What the shape of a network means for learning: distances, load, mixing, cuts and capacity."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER, node_name
from engine.network.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_EXACT = 1000
"""Nodes up to which distances and loads are exact; with more they are sampled."""

MOST_SPECTRAL = 20_000
"""Nodes up to which the spectral gap is computed."""

MOST_CUT = 400
"""Nodes up to which the least cut is found; with more, only whether a single connection is one."""

MOST_NODES = 300_000
"""Nodes up to which anything but counts is measured."""

SAMPLES = 64
"""Nodes from which distances are sampled in large networks."""

MIXING_SHARE = 0.01
"""Disagreement is said to be gone when this share of it is left."""

FLOW_UNITS = 2**30
"""What the server can take in all is scaled to this whole number: the flow algorithm counts in 32 bits."""


@dataclass(frozen=True)
class Measure:
    """One property of a network.

    Attributes:
        name: what it is called in data.
        title: what people call it.
        value: the number; None if it was not measured.
        unit: SI symbol; empty if dimensionless.
        meaning: what it means for learning, in one sentence.
        note: how it was found, or why it was not; names the nodes concerned.
    """

    name: str
    title: str
    value: float | None
    unit: str
    meaning: str
    note: str = "exact"


@dataclass(frozen=True)
class Shape:
    """A network as plain arrays.

    Attributes:
        nodes: (T,) node ids; devices, then gateways from the first, then the server.
        ends: (E, 2) places of both ends of each connection, the one nearer to the server second.
        links: (E,) place of the link of each connection.
    """

    nodes: Ints
    ends: Ints
    links: Ints

    @classmethod
    def of(cls, network: Network) -> "Shape":
        """All nodes and connections of a network."""
        edges = network.edges()
        lower, upper = np.array([e.lower for e in edges]), np.array([e.upper for e in edges])
        found = np.unique(np.concatenate([lower, upper, [SERVER]]))
        nodes = np.concatenate([found[found >= 0], found[found < SERVER][::-1], [SERVER]])
        order = np.argsort(nodes)
        places = [order[np.searchsorted(nodes, side, sorter=order)] for side in (lower, upper)]
        return cls(nodes, np.stack(places, axis=1), np.array([e.link for e in edges], dtype=np.int64))

    @property
    def count(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    def matrix(self) -> Any:
        """The symmetric adjacency matrix, sparse."""
        from scipy.sparse import csr_matrix

        ones = np.ones(len(self.ends))
        one_way = csr_matrix((ones, (self.ends[:, 0], self.ends[:, 1])), shape=(self.count, self.count))
        return (one_way + one_way.T).tocsr()


def measures(network: Network) -> list[Measure]:
    """All measures of a network; sampled or left out with the reason where it is too large.

    Distances count hops and treat every connection alike, gateways and server being nodes like devices.
    """
    devices, gateways = network.num_devices, network.num_gateways
    if devices + gateways + 1 > MOST_NODES:
        note = f"left out: {devices + gateways + 1:,} nodes, and shapes are measured up to {MOST_NODES:,}"
        return [_nodes(devices + gateways + 1, "an upper bound: gateways may stand at the server"), _edges(None, note)]
    shape = Shape.of(network)
    parts: tuple[Callable[[Shape], list[Measure]], ...] = (_distances, _load, _mixing, _cut)
    found = [_nodes(shape.count), _edges(float(len(shape.ends)))]
    for part in parts:
        found += part(shape)
    return [*found, _capacity(network, shape)]


def _nodes(count: int, note: str = "exact") -> Measure:
    meaning = "Devices, gateways and server that can fail or wait."
    return Measure("num_nodes", "Nodes", float(count), "", meaning, note)


def _edges(count: float | None, note: str = "exact") -> Measure:
    meaning = "Connections over which models can travel; more of them average faster and cost more radio."
    return Measure("num_edges", "Connections", count, "", meaning, note)


def _distances(shape: Shape) -> list[Measure]:
    from scipy.sparse.csgraph import shortest_path

    is_exact = shape.count <= MOST_EXACT
    sources = np.arange(shape.count) if is_exact else np.linspace(0, shape.count - 1, SAMPLES).astype(np.int64)
    hops = shortest_path(shape.matrix(), method="D", unweighted=True, indices=sources)
    if not is_exact:
        # From the farthest node found, the farthest from that one: a good lower bound of the diameter.
        far = int(np.unravel_index(int(hops.argmax()), hops.shape)[1])
        hops = np.concatenate([hops, shortest_path(shape.matrix(), method="D", unweighted=True, indices=[far])])
    note = "exact" if is_exact else f"sampled from {SAMPLES} nodes"
    mean = float(hops[: len(sources)].sum() / (len(sources) * (shape.count - 1)))
    return [
        Measure(
            "diameter",
            "Diameter",
            float(hops.max()),
            "hops",
            "Rounds of talking to neighbors before news from any node has reached every other.",
            note if is_exact else f"at least this; {note}",
        ),
        Measure(
            "mean_path",
            "Mean distance",
            mean,
            "hops",
            "How often an average message between two nodes is sent again, which multiplies its time, energy and risk.",
            note,
        ),
    ]


def _load(shape: Shape) -> list[Measure]:
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(shape.count))
    graph.add_edges_from(shape.ends.tolist())
    meaning = "Share of all shortest paths that pass this node: it is the first to drain, to queue and to be missed."
    name, title = "betweenness", "Load of the busiest node"
    if shape.count > 10 * MOST_EXACT:
        note = f"left out: {shape.count:,} nodes, and load is measured up to {10 * MOST_EXACT:,}"
        return [Measure(name, title, None, "", meaning, note)]
    sampled = None if shape.count <= MOST_EXACT else min(SAMPLES, shape.count)
    load = nx.betweenness_centrality(graph, k=sampled, seed=0)
    busiest = sorted(load, key=lambda place: (-load[place], place))[:5]
    listed = ", ".join(f"{node_name(int(shape.nodes[place]))} {load[place]:.3f}" for place in busiest)
    note = f"busiest: {listed}" + ("" if sampled is None else f"; sampled from {SAMPLES} nodes")
    return [Measure(name, title, float(load[busiest[0]]), "", meaning, note)]


def mixing_matrix(shape: Shape) -> Any:
    """Averaging with neighbors by Metropolis weights, sparse: ``W_ij = 1 / (1 + max(d_i, d_j))``.

    Source: Xiao, Boyd, Lall, A Scheme for Robust Distributed Sensor Fusion, IPSN 2005, section 3.
    """
    from scipy.sparse import csr_matrix, diags

    degree = np.bincount(shape.ends.ravel(), minlength=shape.count)
    weight = 1.0 / (1.0 + np.maximum(degree[shape.ends[:, 0]], degree[shape.ends[:, 1]]))
    one_way = csr_matrix((weight, (shape.ends[:, 0], shape.ends[:, 1])), shape=(shape.count, shape.count))
    both = one_way + one_way.T
    return both + diags(1.0 - np.asarray(both.sum(axis=1)).ravel())


def _mixing(shape: Shape) -> list[Measure]:
    gap_meaning = (
        "Share of the disagreement between models that a round of averaging with neighbors takes away at least."
    )
    time_meaning = f"Rounds of averaging with neighbors until {MIXING_SHARE:.0%} of the disagreement is left."
    if shape.count > MOST_SPECTRAL:
        note = f"left out: {shape.count:,} nodes, and eigenvalues are computed up to {MOST_SPECTRAL:,}"
        gap, time = None, None
    else:
        second = _second_eigenvalue(mixing_matrix(shape))
        gap, note = 1.0 - second, "of Metropolis weights; exact"
        time = max(1.0, float(np.log(MIXING_SHARE) / np.log(second))) if 0 < second < 1 else 1.0
    return [
        Measure("spectral_gap", "Spectral gap", gap, "", gap_meaning, note),
        Measure("mixing_time", "Mixing time", time, "rounds", time_meaning, note),
    ]


def _second_eigenvalue(matrix: Any) -> float:
    """The greatest magnitude of an eigenvalue besides the one of agreement."""
    count = matrix.shape[0]
    if count <= MOST_EXACT:
        values = np.linalg.eigvalsh(matrix.toarray())
        return float(max(abs(values[0]), values[-2])) if count > 1 else 0.0
    from scipy.sparse.linalg import eigsh

    start = np.linspace(1.0, 2.0, count)  # a fixed start gives the same digits every time
    low = eigsh(matrix, k=1, which="SA", v0=start, return_eigenvectors=False, tol=1e-9)[0]
    high = np.sort(eigsh(matrix, k=2, which="LA", v0=start, return_eigenvectors=False, tol=1e-9))[0]
    return float(max(abs(low), high))


def _cut(shape: Shape) -> list[Measure]:
    import networkx as nx

    graph = nx.Graph(shape.ends.tolist())
    name, title = "min_cut", "Least cut"
    meaning = "Fewest connections whose failure cuts some device off from the server and its data out of the model."
    if shape.count <= MOST_CUT:
        return [Measure(name, title, float(nx.edge_connectivity(graph)), "", meaning)]
    if nx.has_bridges(graph):
        return [Measure(name, title, 1.0, "", meaning)]
    note = f"at least this: with over {MOST_CUT:,} nodes only single connections are tried"
    return [Measure(name, title, 2.0, "", meaning, note)]


def _capacity(network: Network, shape: Shape) -> Measure:
    """The greatest flow from all devices to the server; a shared medium carries one link's rate in all."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_flow

    shared = np.array([link.shared_medium for link in network.links])
    rate = np.array([link.up_rate.value for link in network.links])
    low, high, link = shape.ends[:, 0], shape.ends[:, 1], shape.links
    intake = float(rate[link[high == shape.count - 1]].sum())
    unit = intake / FLOW_UNITS
    capacity = np.clip(np.round(rate / unit), 1, FLOW_UNITS).astype(np.int64)
    takes_turns = shared[link] & (shape.nodes[low] >= 0) & _waits(network)
    cells, cell = np.unique(high * len(rate) + link, return_inverse=True)
    cell = shape.count + cell
    source = shape.count + len(cells)
    devices = np.flatnonzero(shape.nodes >= 0)
    arcs = [
        (low, np.where(takes_turns, cell, high), capacity[link]),
        (high, low, capacity[link]),
        (cell[takes_turns], high[takes_turns], capacity[link[takes_turns]]),
        (np.full(len(devices), source), devices, np.full(len(devices), capacity.max())),
    ]
    start, end, most = (np.concatenate([arc[k] for arc in arcs]) for k in range(3))
    pairs, first = np.unique(start * (source + 1) + end, return_index=True)
    matrix = csr_matrix(
        (most[first].astype(np.int32), (pairs // (source + 1), pairs % (source + 1))), shape=(source + 1, source + 1)
    )
    total = maximum_flow(matrix, source, shape.count - 1).flow_value
    return Measure(
        "capacity",
        "Capacity to the server",
        float(f"{total * unit:.7g}"),
        "bit/s",
        "Most payload that all devices together can send to the server in a second: no round uploads faster.",
        "greatest flow; nodes that relay are no limit, only links and shared media are",
    )


def _waits(network: Network) -> bool:
    """Whether devices take turns on shared media in this network at all."""
    return any(segment.queued >= 0 for pattern in network.patterns for segment in pattern)
