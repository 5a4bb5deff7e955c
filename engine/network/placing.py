"""Which devices and gateways the nodes of a drawing stand for, and the connections that its edges stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER, gateway_node
from engine.network.choice import LinkChoice, link_of
from engine.network.drawn import Node, Wire
from engine.network.network import LinkTable
from engine.network.wires import NO_LINK, Metric, Wires, links_by_node

Ints = NDArray[np.int64]

MOST_CONNECTIONS = 1_000_000
"""Pairs of nodes that a drawing may join, each device of a group counting for itself."""


@dataclass(frozen=True)
class Placing:
    """The places of a drawing's nodes: devices first, then gateways in the order of the drawing, the server last.

    Attributes:
        nodes: the nodes of the drawing.
        places: by name of a node, (n,) the places that it stands for.
        group_of: (N,) group of each device.
        num_gateways: number of gateways.
    """

    nodes: Sequence[Node]
    places: Mapping[str, Ints]
    group_of: NDArray[np.int32]
    num_gateways: int

    @classmethod
    def of(cls, nodes: Sequence[Node], counts: Mapping[str, int]) -> "Placing":
        """The places of nodes that fit a fleet with that many devices by group."""
        starts = dict(zip(counts, np.cumsum([0, *counts.values()]).tolist(), strict=False))
        total = sum(counts.values())
        alone: dict[str, list[int]] = {group: [] for group in counts}
        for node in nodes:
            if node.group is not None and node.number is not None:
                alone[node.group].append(node.number)
        gateways = [node.name for node in nodes if node.role == "gateway"]
        places: dict[str, Ints] = {}
        for node in nodes:
            if node.role == "server":
                found = [total + len(gateways)]
            elif node.role == "gateway":
                found = [total + gateways.index(node.name)]
            elif node.number is not None:
                found = [starts[str(node.group)] + node.number]
            else:
                group = str(node.group)
                places[node.name] = starts[group] + np.setdiff1d(np.arange(counts[group]), alone[group])
                continue
            places[node.name] = np.array(found, dtype=np.int64)
        group_of = np.repeat(np.arange(len(counts), dtype=np.int32), list(counts.values()))
        return cls(nodes, places, group_of, len(gateways))

    @property
    def num_devices(self) -> int:
        """Number of devices."""
        return len(self.group_of)

    def num_connections(self, edges: Sequence[Wire]) -> int:
        """How many pairs of places the edges join."""
        return sum(len(self.places[edge.start]) * len(self.places[edge.end]) for edge in edges)

    def wires(self, edges: Sequence[Wire], table: LinkTable, metric: Metric) -> Wires:
        """The connections, each with its link where the edge names one or a single end of it is a device."""
        ends, up, down = [], [], []
        own = np.asarray(table.of_group, dtype=np.int64)
        for edge in edges:
            one, other = (side.ravel() for side in np.meshgrid(self.places[edge.start], self.places[edge.end]))
            ends.append(np.stack([one, other], axis=1))
            is_device = one < self.num_devices
            device = np.where(is_device, one, other)
            mixed = is_device != (other < self.num_devices)
            by_group = own[self.group_of[np.where(mixed, device, 0)]]
            named = _place(table, edge.link)
            up.append(np.where(mixed, by_group, NO_LINK) if named == NO_LINK else np.full(len(one), named))
            down.append(np.full(len(one), _place(table, edge.down_link)))
        return Wires(
            num_devices=self.num_devices,
            num_gateways=self.num_gateways,
            ends=np.concatenate(ends),
            link_of=links_by_node(table, self.group_of, self.num_gateways),
            up=np.concatenate(up),
            down=np.concatenate(down),
            metric=metric,
            points=self._points(),
        )

    def labels(self) -> dict[int, str]:
        """The names of the nodes that stand for one device, gateway or server only, by node id."""
        found = {}
        for node in self.nodes:
            place = int(self.places[node.name][0])
            if node.role == "server":
                found[SERVER] = node.name
            elif node.role == "gateway":
                found[gateway_node(place - self.num_devices)] = node.name
            elif node.number is not None:
                found[place] = node.name
        return found

    def _points(self) -> NDArray[np.float64] | None:
        """(T, 2) where the nodes are drawn; None if somebody's place is not said."""
        points = np.zeros((self.num_devices + self.num_gateways + 1, 2))
        for node in self.nodes:
            if node.x is None or node.y is None:
                return None
            points[self.places[node.name]] = node.x, node.y
        return points


def _place(table: LinkTable, choice: LinkChoice | None) -> int:
    return NO_LINK if choice is None else table.names.index(link_of(choice).key)
