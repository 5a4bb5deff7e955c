"""Where the nodes and links of a network are drawn; the same picture on network, experiment and run pages."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.core.nodes import SERVER
from engine.fleet.device import Device
from engine.fleet.fleet import Fleet
from engine.network.network import Network
from engine.network.topologies.hierarchical import Hierarchical
from engine.network.topology import Topology
from webapp.library.capacity import link_steps
from webapp.library.layouts import Frame, Places, relayed_places

WIDTH, HEIGHT = 620, 380
CENTER = (WIDTH / 2, HEIGHT / 2)
RELAYED = (WIDTH / 2 - 40, HEIGHT / 2 - 24)
"""How far from the middle nodes stand where devices relay."""
SERVER_CORNER = (WIDTH - 46.0, 30.0)
MOST_DEVICES = 400
"""A picture of more devices would show nothing; a sample of every group stands for them."""
PER_RING = 64
GATEWAYS = (105.0, 62.0)
"""Half width and half height of the ring of gateways."""
MOST_ON_RING = 24
"""Hubs of a level that are drawn."""

SHAPES = {
    "board": "M-5-5h10v10h-10z",
    "phone": "M-5.2 0a5.2 5.2 0 1 0 10.4 0a5.2 5.2 0 1 0-10.4 0z",
    "microcontroller": "M0-6.5L6.5 0L0 6.5L-6.5 0z",
    "gateway": "M-8 0L-4-7H4L8 0L4 7H-4z",
    "accelerator": "M0-6.5L6 5H-6z",
    "server": "M-6-5h12v10h-12z",
}
"""Outline of each class of device around its own place: its class is told by shape, its group by color."""


@dataclass(frozen=True)
class DrawnNode:
    """A device, gateway or server in the picture."""

    id: int
    x: float
    y: float
    shape: str
    color: int
    """Number of the group's color, from 1; 0 for gateways and the server."""
    title: str


@dataclass(frozen=True)
class DrawnEdge:
    """A connection in the picture."""

    lower: int
    upper: int
    x1: float
    y1: float
    x2: float
    y2: float
    link: str
    capacity: int
    """Number of the color of its capacity, from 1."""


@dataclass(frozen=True)
class Drawing:
    """A network as a picture of fixed size."""

    devices: Sequence[DrawnNode]
    hubs: Sequence[DrawnNode]
    edges: Sequence[DrawnEdge]
    num_devices: int
    summary: str

    @property
    def is_sample(self) -> bool:
        """Whether only some of the devices are drawn."""
        return len(self.devices) < self.num_devices


@dataclass(frozen=True)
class GroupSign:
    """The sign of a group: its shape and color."""

    name: str
    count: int
    device: str
    shape: str
    color: int


def signs(fleet: Fleet) -> list[GroupSign]:
    """The legend of a fleet's picture."""
    return [
        GroupSign(name, int(count), kind.name, shape_of(kind), _color(index))
        for index, (name, count, kind) in enumerate(zip(fleet.names, fleet.counts, fleet.kinds, strict=True))
    ]


def shape_of(kind: Device) -> str:
    """Outline of a device's class."""
    return SHAPES[kind.device_class]


def draw(fleet: Fleet, topology: Topology, network: Network, *, also: Collection[int] = ()) -> Drawing:
    """Place every node: the server in the middle, gateways around it, devices on rings around those.

    Args:
        fleet: of which each device is drawn, or a sample of a large one.
        topology: which decides on places.
        network: with the connections.
        also: numbers of devices that are drawn in any case.
    """
    shown = sorted({*_sample(fleet), *also})
    if network.relays is not None:
        places = relayed_places(topology, network.relays, shown, Frame(CENTER, RELAYED))
    else:
        places = _hub_places(network, topology)
        places |= _device_places(fleet, network, shown, places)
    edges = [edge for edge in network.edges() if edge.lower in places and edge.upper in places]
    names, steps = network.table.names, link_steps(network)
    devices = []
    for number in shown:
        group = int(fleet.group_of[number])
        kind = fleet.kinds[group]
        title = f"{fleet.names[group]}, device {number}: {kind.name}"
        devices.append(DrawnNode(number, *places[number], shape_of(kind), _color(group), title))
    hubs = [
        DrawnNode(node, *place, _hub_shape(node), 0, _hub_title(node, network))
        for node, place in places.items()
        if node < 0
    ]
    return Drawing(
        devices=devices,
        hubs=hubs,
        edges=[
            DrawnEdge(e.lower, e.upper, *places[e.lower], *places[e.upper], names[e.link], steps[names[e.link]])
            for e in edges
        ],
        num_devices=fleet.num_devices,
        summary=_summary(fleet, network),
    )


def _sample(fleet: Fleet) -> list[int]:
    if fleet.num_devices <= MOST_DEVICES:
        return list(range(fleet.num_devices))
    shown: list[int] = []
    for start, count in zip(fleet.starts, fleet.counts, strict=False):
        share = max(1, int(MOST_DEVICES * count / fleet.num_devices))
        shown.extend(int(start + index * count // share) for index in range(share))
    return shown


def _hub_places(network: Network, topology: Topology) -> dict[int, tuple[float, float]]:
    """The server in the middle, gateways around it, levels between them on rings between; a lone hub in the middle."""
    trunk = network.trunk()
    if not trunk:
        return {SERVER: CENTER}
    if len(trunk) == 1:
        return {SERVER: SERVER_CORNER, -2: CENTER}
    counts = [network.num_gateways]
    if isinstance(topology, Hierarchical):
        counts = [topology.gateways, *(level.count for level in topology.levels)]
    places, first = {SERVER: CENTER}, 0
    for level, count in enumerate(counts):
        share = 1 - level / len(counts)
        shown = min(count, MOST_ON_RING)
        # Those below one hub stand together, in the order of the hubs above.
        ordered = sorted(range(shown), key=lambda number: (_ancestors(number, counts[level + 1 :]), number))
        for index, number in enumerate(ordered):
            turn = (index + 0.5 * (level > 0)) / shown
            places[-2 - first - number] = _on_ellipse(turn, GATEWAYS[0] * share, GATEWAYS[1] * share)
        first += count
    return {node: place for node, place in places.items() if node >= -1 - network.num_gateways}


def _ancestors(number: int, counts: Sequence[int]) -> tuple[int, ...]:
    """The hubs above one, highest first."""
    found: tuple[int, ...] = ()
    for count in counts:
        number %= count
        found = (number, *found)
    return found


def _device_places(fleet: Fleet, network: Network, shown: Sequence[int], hubs: Places) -> Places:
    if len(hubs) > 2 and network.trunk():
        # Neighbors on the ring belong to one gateway, so its links form a fan.
        turns = {-2 - node: _turn(place) for node, place in hubs.items() if node != SERVER}
        ordered = sorted(shown, key=lambda number: (turns.get(int(network.gateway_of[number]), 1.0), number))
        return _rings(ordered, len(ordered), first=0.5 / max(1, min(network.num_gateways, MOST_ON_RING)))
    places: Places = {}
    for group in range(fleet.num_groups - 1, -1, -1):
        members = [number for number in shown if int(fleet.group_of[number]) == group]
        places |= _ring_of_group(members, group, fleet.num_groups)
    return places


def _turn(place: tuple[float, float]) -> float:
    """Where on its ring a place is, from 0 to 1, clockwise from the top."""
    x, y = (place[0] - CENTER[0]) / GATEWAYS[0], (place[1] - CENTER[1]) / GATEWAYS[1]
    return (math.atan2(y, x) / (2 * math.pi) + 0.25) % 1


def _rings(ordered: Sequence[int], total: int, *, first: float) -> dict[int, tuple[float, float]]:
    rows = max(1, math.ceil(total / PER_RING))
    places = {}
    for index, number in enumerate(ordered):
        step = 18.0 * (index % rows)
        places[number] = _on_ellipse((index + 0.5) / total - first, 285.0 - 1.65 * step, 168.0 - step)
    return places


def _ring_of_group(members: Sequence[int], group: int, num_groups: int) -> dict[int, tuple[float, float]]:
    outer, inner = 166.0, 66.0
    band = (outer - inner) / max(1, num_groups)
    radius = outer - band * group
    rows = max(1, min(math.ceil(len(members) / PER_RING), int(band // 13) or 1))
    places = {}
    for index, number in enumerate(members):
        # Alternate rows make a dense ring readable; the shift per group keeps spokes apart.
        height = radius - 13.0 * (index % rows) - (7.0 if rows == 1 and len(members) > 36 and index % 2 else 0.0)
        places[number] = _on_ellipse((index + 0.37 * group) / max(1, len(members)), height * 1.68, height)
    return places


def _on_ellipse(turn: float, width: float, height: float) -> tuple[float, float]:
    angle = 2 * math.pi * turn - math.pi / 2
    return round(CENTER[0] + width * math.cos(angle), 1), round(CENTER[1] + height * math.sin(angle), 1)


def _color(group: int) -> int:
    return group % 6 + 1


def _hub_shape(node: int) -> str:
    return "" if node == SERVER else SHAPES["gateway"]


def _hub_title(node: int, network: Network) -> str:
    if node in network.labels:
        return network.label(node)
    if node == SERVER:
        return "server"
    return "hub" if network.num_gateways == 1 else f"gateway {-2 - node}"


def _summary(fleet: Fleet, network: Network) -> str:
    groups = ", ".join(f"{count} {name}" for name, count in zip(fleet.names, fleet.counts.tolist(), strict=True))
    through = f" through {network.num_gateways} gateways" if network.num_gateways > 1 else ""
    return f"{fleet.num_devices} devices ({groups}) reach the server{through}"
