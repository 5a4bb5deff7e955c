"""Devices in a circle."""

from typing import ClassVar, Literal

import numpy as np

from engine.core.errors import Problem
from engine.network.graph import Graph
from engine.network.multihop import Multihop
from engine.network.topology import topologies


@topologies.register
class Ring(Multihop):
    """Devices in a circle, each joined to the next, with the hub between the last and the first.

    Messages to the server go the shorter way around, passed on by every device between. A connection uses the link of
    its end farther from the hub, in both directions. The backhaul joins hub and server; without one the server stands
    in the circle.
    """

    source: ClassVar[str] = (
        "Lian et al., Can Decentralized Algorithms Outperform Centralized Algorithms?, NeurIPS 2017, section 5 (ring)"
    )
    kind: Literal["ring"] = "ring"

    def problems(self, num_devices: int) -> list[Problem]:
        """Nothing can be wrong: a circle takes any number of devices."""
        return []

    def graph(self, num_devices: int) -> Graph:
        """Device i and i + 1; the hub beside the first and the last."""
        each = np.arange(num_devices - 1, dtype=np.int64)
        ends = np.unique(np.array([0, num_devices - 1], dtype=np.int64))
        return Graph(
            num_devices=num_devices,
            num_gateways=1,
            pairs=np.stack([each, each + 1], axis=1),
            portals=np.stack([ends, np.zeros_like(ends)], axis=1),
        )
