"""Devices in a grid, or all joined to all."""

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.network.graph import Graph, lattice
from engine.network.multihop import Multihop, too_many_gateways
from engine.network.topology import topologies

MOST_IN_FULL = 2000
"""Devices that may all be joined to all: connections grow with the square."""


@topologies.register
class Mesh(Multihop):
    """Devices in a square grid, each joined to its neighbors; or every device joined to every other.

    Device i stands in row i // c and column i % c of a grid of c columns, c being the square root of the number of
    devices, rounded up. Gateways stand spread over the grid, each beside the nearest device; in a full mesh each
    gateway is joined to all devices. A connection uses the link of its end with more hops to the server, in both
    directions. The backhaul joins gateways and server; without one the server stands where the gateways do.
    """

    source: ClassVar[str] = "Akyildiz, Wang, Wang, Wireless Mesh Networks: a Survey, Computer Networks 47(4), 2005"
    kind: Literal["mesh"] = "mesh"

    pattern: Literal["grid", "full"] = "grid"
    """grid joins each device to those before, behind, left and right of it; full joins all to all (up to 2,000)."""

    gateways: int = Field(default=1, ge=1, le=100_000)
    """How many gateways there are; no more than devices."""

    def problems(self, num_devices: int) -> list[Problem]:
        """No more gateways than devices, and not too many joined to all."""
        problems = too_many_gateways(self.gateways, num_devices)
        if self.pattern == "full" and num_devices > MOST_IN_FULL:
            message = f"full takes at most {MOST_IN_FULL:,} devices, allowed for more is grid; given: {num_devices:,}"
            problems.append(Problem("pattern", "too_many_devices", message))
        return problems

    def graph(self, num_devices: int) -> Graph:
        """The grid, or all pairs."""
        each = np.arange(num_devices, dtype=np.int64)
        if self.pattern == "full":
            gateways = np.arange(self.gateways, dtype=np.int64)
            return Graph(
                num_devices=num_devices,
                num_gateways=self.gateways,
                pairs=np.stack(np.triu_indices(num_devices, k=1), axis=1).astype(np.int64),
                portals=np.stack([np.tile(each, len(gateways)), np.repeat(gateways, len(each))], axis=1),
            )
        from scipy.spatial import cKDTree

        columns = math.isqrt(num_devices - 1) + 1
        places = np.stack([each % columns, each // columns], axis=1).astype(np.float64)
        right = each[(each % columns < columns - 1) & (each + 1 < num_devices)]
        down = each[each + columns < num_devices]
        pairs = np.concatenate([np.stack([right, right + 1], axis=1), np.stack([down, down + columns], axis=1)])
        _, beside = cKDTree(places).query(lattice(self.gateways) * places.max(axis=0))
        portals = np.stack([np.asarray(beside, dtype=np.int64), np.arange(self.gateways)], axis=1)
        return Graph(num_devices, self.gateways, pairs, portals, places)
