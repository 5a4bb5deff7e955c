"""Who can hear whom: the devices' connections among each other and to gateways, before links are assigned."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int64]


def no_pairs() -> Pairs:
    """An empty (0, 2) array."""
    return np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True)
class Graph:
    """An undirected graph of devices with gateways beside some of them.

    Attributes:
        num_devices: devices are 0 to N - 1.
        num_gateways: gateways are 0 to K - 1.
        pairs: (E, 2) devices that are connected, each pair once.
        portals: (P, 2) a device and a gateway that are connected.
        places: (N, 2) where the devices stand, in meters; None if the topology has no space.
    """

    num_devices: int
    num_gateways: int
    pairs: Pairs = field(default_factory=no_pairs)
    portals: Pairs = field(default_factory=no_pairs)
    places: NDArray[np.float64] | None = None


def parts_of(graph: Graph) -> NDArray[np.int64]:
    """(n,) sizes in devices of the parts into which the graph falls, largest first; gateways count as one node."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    hub = graph.num_devices
    ends = np.concatenate([graph.pairs, np.stack([graph.portals[:, 0], np.full(len(graph.portals), hub)], axis=1)])
    matrix = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(hub + 1, hub + 1))
    _, label = connected_components(matrix, directed=False)
    sizes = np.bincount(label[:hub], minlength=int(label.max()) + 1)
    return np.sort(sizes[sizes > 0] if sizes[label[hub]] else np.append(sizes[sizes > 0], 0))[::-1]


def evenly(count: int, among: int) -> NDArray[np.int64]:
    """``count`` places spread evenly over 0 to ``among`` - 1, from the middle of each share."""
    return (np.arange(count, dtype=np.int64) * 2 + 1) * among // (2 * count)


def lattice(count: int) -> NDArray[np.float64]:
    """(count, 2) points spread evenly over the unit square, row by row; a single one stands in the middle."""
    columns = math.isqrt(count - 1) + 1
    rows = -(-count // columns)
    number = np.arange(count)
    row, column = number // columns, number % columns
    in_row = np.where(row < rows - 1, columns, count - (rows - 1) * columns)
    return np.stack([(column + 0.5) / in_row, (row + 0.5) / rows], axis=1)


def pairs_of(edges: Iterable[tuple[int, int]]) -> Pairs:
    """(E, 2) edges in ascending order, lower end first, that cannot be written to."""
    pairs = np.sort(np.array(list(edges), dtype=np.int64).reshape(-1, 2), axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    pairs.flags.writeable = False
    return pairs
