"""Devices at random places, joined where their radios reach."""

from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.core.errors import Problem
from engine.core.streams import stream
from engine.core.units import Unit
from engine.network.graph import Graph, lattice, parts_of
from engine.network.multihop import Multihop, too_many_gateways
from engine.network.topology import topologies

MOST_PAIRS = 5_000_000
"""Connections of one network."""

FEW = 60
"""Up to this many points, all pairs are looked at; with more only those of a Delaunay triangulation."""

Places = NDArray[np.float64]


@topologies.register
class RandomGeometric(Multihop):
    """Devices at random places of a square field, joined where they are within radio range of each other.

    Places are uniform; gateways stand on a regular lattice over the field (one gateway in the middle) and reach as far
    as devices. Messages go to the server over the fewest hops, passed on by devices. A connection uses the link of its
    end with more hops to the server, in both directions. The backhaul joins gateways and server; without one the server
    stands where the gateways do.
    """

    source: ClassVar[str] = (
        "Gilbert, Random Plane Networks, J. SIAM 9(4), 1961; Gupta, Kumar, IEEE Trans. IT 46(2), 2000"
    )
    kind: Literal["random_geometric"] = "random_geometric"

    range_m: Annotated[float | None, Field(gt=0, le=1e6), Unit("m")] = None
    """Radio range of devices and gateways, in meters; left out, the least range that leaves nobody cut off."""

    side_m: Annotated[float, Field(gt=0, le=1e6), Unit("m")] = 100.0
    """Side of the field, in meters."""

    gateways: int = Field(default=1, ge=1, le=100_000)
    """How many gateways there are; no more than devices."""

    drawing: int = Field(default=0, ge=0, le=2**53 - 1)
    """Which of all random networks to take: the same number gives the same places, whatever the seed of a run."""

    def problems(self, num_devices: int) -> list[Problem]:
        """Nobody may be cut off, and not everybody joined to everybody in a crowd."""
        problems = too_many_gateways(self.gateways, num_devices)
        if problems or self.range_m is None:
            return problems
        nearby = num_devices**2 * min(1.0, np.pi * (self.range_m / self.side_m) ** 2) / 2
        if nearby > MOST_PAIRS:
            most = self.side_m * float(np.sqrt(2 * MOST_PAIRS / np.pi)) / num_devices
            message = (
                f"reaches about {nearby:,.0f} pairs of devices, and there can be {MOST_PAIRS:,}; allowed is a range of "
                f"up to {most:.4g} m or a larger side; given: {self.range_m:.6g}"
            )
            return [Problem("range_m", "too_many_links", message)]
        needed = _least_range(self, num_devices)
        if self.range_m >= needed:
            return []
        parts = parts_of(self.graph(num_devices))
        message = (
            f"cuts devices off: the network falls into {len(parts)} parts, the largest of {parts[0]:,} of "
            f"{num_devices:,} devices; allowed is a range of at least {_rounded_up(needed)} m, or more gateways, a "
            f"smaller side or another drawing; given: {self.range_m:.6g}"
        )
        return [Problem("range_m", "disconnected", message)]

    def graph(self, num_devices: int) -> Graph:
        """All pairs of devices, and of device and gateway, within range."""
        from scipy.spatial import cKDTree

        reach = _least_range(self, num_devices) * (1 + 1e-9) if self.range_m is None else self.range_m
        places = _places(self, num_devices)
        devices, gateways = cKDTree(places), cKDTree(lattice(self.gateways) * self.side_m)
        pairs = devices.query_pairs(reach, output_type="ndarray").astype(np.int64)
        found = gateways.query_ball_tree(devices, reach)
        number = np.repeat(np.arange(self.gateways), [len(near) for near in found])
        beside = np.array([device for near in found for device in near], dtype=np.int64)
        return Graph(
            num_devices=num_devices,
            num_gateways=self.gateways,
            pairs=pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))],
            portals=np.stack([beside, number], axis=1),
            places=places,
        )


def _places(topology: RandomGeometric, num_devices: int) -> Places:
    draw = stream(topology.drawing, "topology", "random_geometric")
    return draw.random((num_devices, 2)) * topology.side_m


@lru_cache(maxsize=16)
def _least_range(topology: RandomGeometric, num_devices: int) -> float:
    """The longest hop of the shortest network that joins all: of the minimum spanning tree, gateways being one node."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import minimum_spanning_tree

    places = np.concatenate([_places(topology, num_devices), lattice(topology.gateways) * topology.side_m])
    pairs = _near_pairs(places)
    length = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    node = np.minimum(pairs, num_devices)
    apart = node[:, 0] != node[:, 1]
    # Several gateways may be near one device: the shortest of these connections comes first, and the rest is dropped.
    order = np.lexsort((length, node[:, 1], node[:, 0]))
    order = order[apart[order]]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = np.any(np.diff(node[order], axis=0) != 0, axis=1)
    chosen = order[is_first]
    size = num_devices + 1
    matrix = coo_matrix((length[chosen], (node[chosen, 0], node[chosen, 1])), shape=(size, size))
    return float(minimum_spanning_tree(matrix.tocsr()).data.max())


def _near_pairs(places: Places) -> NDArray[np.int64]:
    """Pairs of points among which the minimum spanning tree lies, lower number first."""
    if len(places) <= FEW:
        return np.stack(np.triu_indices(len(places), k=1), axis=1).astype(np.int64)
    from scipy.spatial import Delaunay

    triangles = Delaunay(places).simplices.astype(np.int64)
    sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])
    return np.unique(np.sort(sides, axis=1), axis=0)


def _rounded_up(length: float) -> str:
    """A length with four digits that is not below it."""
    scale = 10.0 ** (int(np.floor(np.log10(length))) - 3)
    return f"{np.ceil(length / scale) * scale:.6g}"
