"""Where the nodes of a network stand in which devices relay: around, in rows, or in circles of equally many hops."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER, gateway_node
from engine.network.multihop import Multihop
from engine.network.relays import Relays
from engine.network.topology import Topology

Place = tuple[float, float]
Places = dict[int, Place]

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
SPREAD = 11.0
"""Distance between devices of one node, in pixels of the picture."""

CIRCLES = frozenset({"ring", "small_world"})


@dataclass(frozen=True)
class Frame:
    """The part of a picture in which nodes may stand.

    Attributes:
        center: its middle.
        radius: half of its width and of its height.
    """

    center: Place
    radius: Place

    @property
    def corner(self) -> Place:
        """The upper right corner."""
        return round(self.center[0] + self.radius[0] - 8, 1), round(self.center[1] - self.radius[1], 1)

    def at(self, x: float, y: float, aside: Place = (0.0, 0.0)) -> Place:
        """A place by its shares of width and height, moved aside but kept inside."""
        shares = (x, y)
        low = [self.center[k] - self.radius[k] for k in (0, 1)]
        wanted = [low[k] + 2 * self.radius[k] * shares[k] + aside[k] for k in (0, 1)]
        inside = [min(max(wanted[k], low[k] - 20), low[k] + 2 * self.radius[k] + 20) for k in (0, 1)]
        return round(inside[0], 1), round(inside[1], 1)

    def turn(self, angle: float, share: float) -> Place:
        """A place by its turn (0 to 1, clockwise from the top) and its share of the radius."""
        turned = 2 * math.pi * angle - math.pi / 2
        x, y = self.radius[0] * share * math.cos(turned), self.radius[1] * share * math.sin(turned)
        return round(self.center[0] + x, 1), round(self.center[1] + y, 1)


def relayed_places(topology: Topology, relays: Relays, shown: Sequence[int], frame: Frame) -> Places:
    """Places of the drawn devices, all gateways and the server.

    Args:
        topology: says how devices stand to each other.
        relays: the connections.
        shown: the devices that are drawn.
        frame: where nodes may stand.
    """
    if relays.points is not None:
        return _drawn(relays, relays.points, shown, frame)
    graph = topology.graph(relays.num_devices) if isinstance(topology, Multihop) else None
    if topology.kind in CIRCLES:
        return _circle(relays, shown, frame)
    if graph is not None and graph.places is not None:
        return _mapped(relays, graph.places, shown, frame)
    return _circles_of_hops(relays, shown, frame)


def _circle(relays: Relays, shown: Sequence[int], frame: Frame) -> Places:
    turn = frame.turn
    places = {device: turn(device / relays.num_devices, 1.0) for device in shown}
    inner = 0.45 if relays.num_gateways > 1 else 0.72
    for gateway in range(relays.num_gateways):
        near = _neighbors(relays, relays.num_devices + gateway)
        angles = 2 * np.pi * near / relays.num_devices
        middle = math.atan2(float(np.sin(angles).mean()), float(np.cos(angles).mean())) / (2 * math.pi)
        places[gateway_node(gateway)] = turn(middle, inner)
    places[SERVER] = turn(0.0, 0.0)
    return places


def _mapped(relays: Relays, stands: NDArray[np.float64], shown: Sequence[int], frame: Frame) -> Places:
    """Devices where they stand, gateways amid their devices, the server in the corner."""
    center, radius = frame.center, frame.radius
    low, high = stands.min(axis=0), stands.max(axis=0)
    scaled = (stands - low) / np.maximum(high - low, 1e-9) * 2 - 1
    width = radius[0] * 0.86

    def at(point: NDArray[np.float64]) -> Place:
        x = center[0] - radius[0] + width * (1 + float(point[0]))
        return round(x, 1), round(center[1] + radius[1] * float(point[1]), 1)

    places = {device: at(scaled[device]) for device in shown}
    for gateway in range(relays.num_gateways):
        near = _neighbors(relays, relays.num_devices + gateway)
        # A little beside its device, which it would cover otherwise.
        x, y = at(scaled[near].mean(axis=0))
        places[gateway_node(gateway)] = (x + (14.0 if len(near) == 1 else 0.0), y - (12.0 if len(near) == 1 else 0.0))
    places[SERVER] = frame.corner
    return places


def _drawn(relays: Relays, points: NDArray[np.float64], shown: Sequence[int], frame: Frame) -> Places:
    """Nodes where somebody put them; devices that stand for one node together around its place."""
    crowds: Counter[Place] = Counter()
    places = {}
    for place in (*shown, *range(relays.num_devices, relays.server + 1)):
        x, y = (float(part) for part in points[place])
        number = crowds[x, y]
        crowds[x, y] += 1
        # Sunflower: the n-th at distance sqrt(n), turned by the golden angle, so that none hides another.
        turn, far = number * GOLDEN_ANGLE, SPREAD * math.sqrt(number)
        places[_node(relays, place)] = frame.at(x, y, (far * math.cos(turn), far * math.sin(turn)))
    return places


def _circles_of_hops(relays: Relays, shown: Sequence[int], frame: Frame) -> Places:
    """The server in the middle, each node as far out as it has hops, each above what hangs below it."""
    order = np.argsort(relays.depth, kind="stable")
    below: dict[int, list[int]] = {}
    for place in order[1:].tolist():
        below.setdefault(int(relays.parent[place]), []).append(place)
    leaves = np.ones(relays.server + 1)
    for place in order[::-1].tolist():
        if place in below:
            leaves[place] = sum(leaves[child] for child in below[place])
    start = np.zeros(relays.server + 1)
    for place in order.tolist():
        first = start[place]
        for child in below.get(place, ()):
            start[child] = first
            first += leaves[child]
    angle = (start + leaves / 2) / leaves[relays.server]
    wanted = [*shown, *range(relays.num_devices, relays.server)]
    places = {
        _node(relays, place): frame.turn(float(angle[place]), float(relays.depth[place]) / relays.most_hops)
        for place in wanted
    }
    places[SERVER] = frame.turn(0.0, 0.0)
    if relays.num_gateways == 1:  # hub and server would stand together in the way of all
        places[gateway_node(0)], places[SERVER] = frame.turn(0.0, 0.0), frame.corner
    return places


def _node(relays: Relays, place: int) -> int:
    return int(relays.nodes(np.array([place]))[0])


def _neighbors(relays: Relays, place: int) -> NDArray[np.int64]:
    """Devices that are joined to a gateway."""
    other = np.concatenate([relays.lower[relays.upper == place], relays.upper[relays.lower == place]])
    return other[other < relays.num_devices]
