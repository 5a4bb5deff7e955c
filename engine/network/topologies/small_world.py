"""A circle of neighborhoods with a few long connections."""

from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.core.streams import seed_of
from engine.network.graph import Graph, evenly, pairs_of
from engine.network.multihop import Multihop, too_many_gateways
from engine.network.topology import topologies

TRIES = 100
"""Drawings after which it is said that a connected one is out of reach."""


@topologies.register
class SmallWorld(Multihop):
    """Devices in a circle joined to their neighbors, some of whose connections were moved to random others.

    A few long connections make all ways short. Drawings that fall apart are drawn again. Gateways stand beside devices
    at equal distances around the circle. A connection uses the link of its end with more hops to the server, in both
    directions. The backhaul joins gateways and server; without one the server stands where the gateways do.
    """

    source: ClassVar[str] = "Watts, Strogatz, Collective Dynamics of 'Small-World' Networks, Nature 393, 1998"
    kind: Literal["small_world"] = "small_world"

    neighbors: int = Field(default=4, ge=2, le=1000)
    """How many neighbors each device is joined to before moving, half on either side: an even number below the number
    of devices."""

    rewiring: float = Field(default=0.1, ge=0, le=1)
    """Probability that a connection is moved to a random other end; 0 leaves the circle, 1 a random graph."""

    gateways: int = Field(default=1, ge=1, le=100_000)
    """How many gateways there are; no more than devices."""

    drawing: int = Field(default=0, ge=0, le=2**53 - 1)
    """Which of all random networks to take: the same number gives the same network, whatever the seed of a run."""

    def problems(self, num_devices: int) -> list[Problem]:
        """Enough devices for the neighborhood, and a drawing that does not fall apart."""
        problems = too_many_gateways(self.gateways, num_devices)
        if self.neighbors % 2 or self.neighbors >= num_devices:
            message = f"should be even and less than the number of devices, {num_devices}; given: {self.neighbors}"
            problems.append(Problem("neighbors", "wrong_neighborhood", message))
        elif _drawn(self.neighbors, self.rewiring, self.drawing, num_devices) is None:
            message = (
                f"none of {TRIES} drawings holds {num_devices} devices together with {self.neighbors} neighbors and "
                f"rewiring {self.rewiring}; allowed are more neighbors or less rewiring"
            )
            problems.append(Problem("neighbors", "disconnected", message))
        return problems

    def graph(self, num_devices: int) -> Graph:
        """The drawing, with gateways around the circle."""
        pairs = _drawn(self.neighbors, self.rewiring, self.drawing, num_devices)
        beside = evenly(self.gateways, num_devices)
        return Graph(
            num_devices=num_devices,
            num_gateways=self.gateways,
            pairs=np.zeros((0, 2), dtype=np.int64) if pairs is None else pairs,
            portals=np.stack([beside, np.arange(self.gateways)], axis=1),
        )


@lru_cache(maxsize=4)
def _drawn(neighbors: int, rewiring: float, drawing: int, num_devices: int) -> np.ndarray | None:
    """(E, 2) the connections, or None if no drawing is connected."""
    import networkx as nx

    seed = seed_of(drawing, "topology", "small_world")
    try:
        drawn = nx.connected_watts_strogatz_graph(num_devices, neighbors, rewiring, tries=TRIES, seed=seed)
    except nx.NetworkXError:
        return None
    return pairs_of(drawn.edges)
