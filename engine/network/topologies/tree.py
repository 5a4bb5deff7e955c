"""Devices pass on the messages of those below them."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.network.graph import Graph
from engine.network.multihop import Multihop
from engine.network.topology import topologies


@topologies.register
class Tree(Multihop):
    """A tree of devices that pass on what comes from below and above, with the hub as its root.

    The hub (gateway 0) has the first devices as its children, these have the next ones, and so on, each node as many as
    ``branching`` says. A connection uses the link of its lower end, in both directions; children over a shared medium
    take turns around their parent. The backhaul joins hub and server; without one the server is the root.
    """

    source: ClassVar[str] = "Winter et al., RPL: IPv6 Routing Protocol for Low-Power and Lossy Networks, RFC 6550"
    kind: Literal["tree"] = "tree"

    branching: int = Field(default=3, ge=1, le=100_000)
    """How many children hub and devices have; 1 makes a line."""

    def problems(self, num_devices: int) -> list[Problem]:
        """Nothing can be wrong: a tree takes any number of devices."""
        return []

    def graph(self, num_devices: int) -> Graph:
        """Device i hangs below device i // branching - 1, the first ones below the hub."""
        top = min(self.branching, num_devices)
        below = np.arange(top, num_devices, dtype=np.int64)
        first = np.arange(top, dtype=np.int64)
        return Graph(
            num_devices=num_devices,
            num_gateways=1,
            pairs=np.stack([below // self.branching - 1, below], axis=1),
            portals=np.stack([first, np.zeros_like(first)], axis=1),
        )
