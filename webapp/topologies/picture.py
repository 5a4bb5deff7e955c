"""Where the nodes of a gathered network stand, in layers from the devices to the server."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.nodes import SERVER
from webapp.library.drawing import HEIGHT, WIDTH
from webapp.topologies.worlds import Place

MARGIN = 64.0
BESIDE = 150.0
"""Room at the left for words beside the nodes, where there are too many for words below them."""
ROOMY = 74.0
"""Height that a node with words below it takes."""
LEAST, MOST = 7.0, 22.0
"""Radii of the smallest and the largest node."""


@dataclass(frozen=True)
class Circle:
    """A node that stands for many devices, or for gateways."""

    node: int
    x: float
    y: float
    radius: float
    color: int
    """Number of the group's color, from 1; 0 for gateways."""
    title: str
    count: int
    is_beside: bool
    """Whether its words stand at its left, else below it."""

    @property
    def words(self) -> tuple[float, float, float]:
        """Where its words stand around its own place: x, y of the first line and y of the second."""
        if self.is_beside:
            return -self.radius - 6, -1.0, 11.0
        return 0.0, self.radius + 12, self.radius + 24


@dataclass(frozen=True)
class Line:
    """A connection between two of them."""

    lower: int
    upper: int
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Picture:
    """A gathered network as a picture of fixed size."""

    circles: Sequence[Circle]
    lines: Sequence[Line]
    server: tuple[float, float]
    summary: str


def picture_of(place: Place) -> Picture:
    """The picture of a large network."""
    gathering = place.gathering
    assert gathering is not None
    layers = max(node.layer for node in gathering.nodes)
    crowd = max(sum(node.layer == layer for node in gathering.nodes) for layer in range(1, layers + 1))
    is_beside = HEIGHT / crowd < ROOMY
    step = (WIDTH - MARGIN - (BESIDE if is_beside else MARGIN)) / layers
    server = (WIDTH - MARGIN, HEIGHT / 2)
    most = max(node.count for node in gathering.nodes if node.group >= 0)
    points: dict[int, tuple[float, float]] = {SERVER: server}
    circles = []
    for layer in range(1, layers + 1):
        members = [number for number, node in enumerate(gathering.nodes) if node.layer == layer]
        for row, number in enumerate(members):
            node = gathering.nodes[number]
            points[number] = (round(server[0] - layer * step, 1), round(HEIGHT * (row + 0.5) / len(members), 1))
            share = math.sqrt(node.count / most) if node.group >= 0 else 0.3
            room = min(MOST, 0.42 * HEIGHT / len(members))
            radius = round(min(room, LEAST + (MOST - LEAST) * share), 1)
            color = node.group % 6 + 1 if node.group >= 0 else 0
            beside = is_beside and node.group >= 0
            circles.append(Circle(number, *points[number], radius, color, node.title, node.count, beside))
    lines = [Line(low, high, *points[low], *points[high]) for low, high in gathering.edges]
    groups = ", ".join(f"{count:,} {name}" for name, count in place.network.counts.items())
    return Picture(circles, lines, server, f"{place.fleet.num_devices:,} devices ({groups}), gathered, and the server")
