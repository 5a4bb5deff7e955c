"""Few devices with many connections, many with few."""

from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.core.streams import seed_of
from engine.network.graph import Graph, pairs_of
from engine.network.multihop import Multihop, too_many_gateways
from engine.network.topology import topologies


@topologies.register
class ScaleFree(Multihop):
    """A network that grew: each new device joined some of those there were, the well connected ones more likely.

    A few devices carry most of the traffic and would be missed most. Gateways stand beside the devices with the most
    connections. A connection uses the link of its end with more hops to the server, in both directions. The backhaul
    joins gateways and server; without one the server stands where the gateways do.
    """

    source: ClassVar[str] = "Barabasi, Albert, Emergence of Scaling in Random Networks, Science 286, 1999"
    kind: Literal["scale_free"] = "scale_free"

    attachments: int = Field(default=2, ge=1, le=1000)
    """How many others each new device was joined to; less than the number of devices."""

    gateways: int = Field(default=1, ge=1, le=100_000)
    """How many gateways there are; no more than devices."""

    drawing: int = Field(default=0, ge=0, le=2**53 - 1)
    """Which of all random networks to take: the same number gives the same network, whatever the seed of a run."""

    def problems(self, num_devices: int) -> list[Problem]:
        """Enough devices to attach to."""
        problems = too_many_gateways(self.gateways, num_devices)
        if self.attachments >= num_devices:
            message = f"should be less than the number of devices, {num_devices}; given: {self.attachments}"
            problems.append(Problem("attachments", "too_many_attachments", message))
        return problems

    def graph(self, num_devices: int) -> Graph:
        """The drawing, with gateways beside its hubs."""
        pairs = _drawn(self.attachments, self.drawing, num_devices)
        degree = np.bincount(pairs.ravel(), minlength=num_devices)
        beside = np.argsort(-degree, kind="stable")[: self.gateways]
        return Graph(num_devices, self.gateways, pairs, np.stack([beside, np.arange(self.gateways)], axis=1))


@lru_cache(maxsize=4)
def _drawn(attachments: int, drawing: int, num_devices: int) -> np.ndarray:
    """(E, 2) the connections."""
    import networkx as nx

    seed = seed_of(drawing, "topology", "scale_free")
    return pairs_of(nx.barabasi_albert_graph(num_devices, attachments, seed=seed).edges)
