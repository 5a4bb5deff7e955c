"""Communities of a network: groups of nodes with more links among themselves than chance would give."""

from collections.abc import Iterable, Sequence

import numpy as np

from engine.inference.nonn.filters import Floats

Group = tuple[int, ...]
"""Numbers of nodes, in order."""

RESOLUTION = 1.43
"""The resolution of the published partition in the usual form of modularity, where it stands at the expected term.

The authors' code says 0.7, but to a library that divided the expected term by it (python-louvain 0.13): 1 / 0.7."""


def communities(links: Floats, resolution: float, seed: int) -> tuple[Group, ...]:
    """The communities of all nodes that have a link, the largest first; of equal ones that with the first node.

    Args:
        links: (C, C) symmetric weights, at least 0.
        resolution: factor of the expected term of modularity; larger ones give smaller communities.
        seed: of the order in which nodes are looked at.

    Source: V. Blondel et al., Fast unfolding of communities in large networks, 2008, arXiv 0803.0476.
    """
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(map(int, np.flatnonzero(links.any(axis=1))))
    firsts, seconds = np.nonzero(np.triu(links, 1))
    for first, second in zip(firsts.tolist(), seconds.tolist(), strict=True):
        graph.add_edge(first, second, weight=float(links[first, second]))
    found = nx.community.louvain_communities(graph, weight="weight", resolution=resolution, seed=seed)
    return by_size(tuple(sorted(group)) for group in found)


def by_size(groups: Iterable[Group]) -> tuple[Group, ...]:
    """Groups with the largest first; of equal ones that with the first node."""
    return tuple(sorted(groups, key=lambda group: (-len(group), group)))


def bisected(links: Floats, members: Group, share: float = 0.5) -> tuple[Group, Group]:
    """A group cut in two where few links are: along the second eigenvector of its normalized Laplacian.

    Args:
        links: (C, C) symmetric weights of all nodes.
        members: the group, two nodes or more.
        share: of its nodes in the first part; each part has at least one.

    Source: J. Shi, J. Malik, Normalized Cuts and Image Segmentation, PAMI 2000, section 2.1.
    """
    inner = links[np.ix_(members, members)]
    degrees = inner.sum(axis=1)
    scale = np.divide(1.0, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
    laplacian = np.diag((degrees > 0).astype(float)) - scale[:, np.newaxis] * inner * scale
    vector = np.linalg.eigh(laplacian)[1][:, min(1, len(members) - 1)] * scale
    # An eigenvector has no sign of its own, and its last bits are noise: both must not decide who goes where.
    vector = np.round(vector, 9)
    vector *= np.sign(vector[np.argmax(np.abs(vector))])
    order = np.argsort(vector, kind="stable")
    first = min(max(1, round(share * len(members))), len(members) - 1)
    parts = np.array(members)[order[:first]], np.array(members)[order[first:]]
    return tuple(sorted(map(int, parts[0]))), tuple(sorted(map(int, parts[1])))


def cut_weight(links: Floats, groups: Sequence[Group]) -> float:
    """Sum of the weights of links between different groups, each link once."""
    inside = sum(float(links[np.ix_(group, group)].sum()) for group in groups)
    members = [number for group in groups for number in group]
    return (float(links[np.ix_(members, members)].sum()) - inside) / 2.0
