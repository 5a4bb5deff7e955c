"""Saved designs as the engine's components, with what their pages show of them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.component import Component
from engine.core.figure import Figure
from engine.core.operators import OperatorClass
from engine.fleet.fleet import Fleet
from engine.fleet.group import FleetSpec
from engine.network.choice import link_of
from engine.network.network import Network
from engine.network.spec import NetworkSpec
from engine.network.ways import Way, ways

DRAWN_FIGURES = ("ram_bytes", "active_power_w", "idle_power_w")
"""The other figures that it shows of each group."""

DRAWN_RATES: tuple[OperatorClass, ...] = ("conv", "depthwise", "linear", "recurrent")
"""The kinds of operators whose speed a fleet's page shows."""


@dataclass(frozen=True)
class Shown:
    """A number that was worked out from figures.

    Attributes:
        value: the number.
        recalled: whether any of the figures is recalled.
    """

    value: float
    recalled: bool


@dataclass(frozen=True)
class FigureRow:
    """A figure with its meaning."""

    name: str
    title: str
    figure: Figure
    help: str


def fleet_of(body: Mapping[str, Any]) -> FleetSpec:
    """The fleet of a stored body."""
    return FleetSpec.model_validate_json(json.dumps(body), strict=True)


def network_of(body: Mapping[str, Any]) -> NetworkSpec:
    """The network of a stored body."""
    return NetworkSpec.model_validate_json(json.dumps(body), strict=True)


ACRONYMS = ("ram", "rtt")


def figures_of(component: Component) -> list[FigureRow]:
    """Every known figure of a device or link, in the order of declaration."""
    rows = []
    for name, info in type(component).model_fields.items():
        value = getattr(component, name)
        if isinstance(value, Figure):
            rows.append(FigureRow(name, title_of(name), value, " ".join((info.description or "").split())))
    return rows


def title_of(name: str) -> str:
    """What people call a figure, from the name of its field: units stand at the numbers, acronyms are large."""
    words = name.removesuffix("_w").removesuffix("_bytes").split("_")
    title = " ".join(word.upper() if word in ACRONYMS else word for word in words)
    return title[:1].upper() + title[1:]


def is_recalled(figure: Figure) -> bool:
    """Whether a figure comes from general knowledge instead of a source."""
    return figure.provenance == "recalled"


def recalled_share(components: Iterable[Component]) -> tuple[int, int]:
    """How many figures of these rest on recollection, and how many there are."""
    found = [row.figure for component in components for row in figures_of(component)]
    return sum(map(is_recalled, found)), len(found)


def link_sentence(network: NetworkSpec) -> str:
    """The links of a network in one line."""
    parts = [f"{group}: {link_of(link).name}" for group, link in network.links.items()]
    if network.backhaul is not None:
        parts.append(f"backhaul: {link_of(network.backhaul).name}")
    return ", ".join(parts) or "every group by default"


def fleet_sentence(fleet: FleetSpec) -> str:
    """The groups of a fleet in one line."""
    return ", ".join(f"{group.count} × {_name(group.device)}" for group in fleet.groups)


@dataclass(frozen=True)
class EdgeRow:
    """Connections of the same kinds of nodes over the same link.

    Attributes:
        ends: what they join.
        link: what people call the link; both where it differs by direction.
        count: how many there are.
        up_bps: payload rate towards the server.
        down_bps: payload rate away from it.
        rtt_s: round trip, half over each direction's link.
    """

    ends: str
    link: str
    count: int
    up_bps: Shown
    down_bps: Shown
    rtt_s: Shown


def edge_rows(network: Network) -> list[EdgeRow]:
    """The connections of a network's picture as rows of a table, equal ones of a kind and link together."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for edge in network.graph_json()["edges"]:
        ends = f"{_end(edge['source'])} to {_end(edge['target'])}"
        counts[ends, str(edge["link"]), str(edge["down_link"])] += int(edge.get("count", 1))
    by_name = dict(zip(network.table.names, network.links, strict=True))
    rows = []
    for (ends, link, down_link), count in counts.items():
        one, other = by_name[link], by_name[down_link]
        title = one.name if link == down_link else f"{one.name} up, {other.name} down"
        rtt = Shown((one.rtt.value + other.rtt.value) / 2, is_recalled(one.rtt) or is_recalled(other.rtt))
        up = Shown(one.up_rate.value, is_recalled(one.up_rate))
        down = Shown(other.down_rate.value, is_recalled(other.down_rate))
        rows.append(EdgeRow(ends, title, count, up, down, rtt))
    return rows


@dataclass(frozen=True)
class WayRow:
    """A device's way to the server.

    Attributes:
        group: of the device.
        nodes: the nodes on the way, as people call them.
        links: the links that are crossed, as people call them, each once.
        way: the way in numbers.
    """

    group: str
    nodes: Sequence[str]
    links: Sequence[str]
    way: Way


def way_rows(network: Network) -> list[WayRow]:
    """The way of each group's first device, and of its farthest one."""
    titles = network.table.titles
    return [
        WayRow(
            group=way.group,
            nodes=[network.label(node) for node in way.nodes],
            links=list(dict.fromkeys(titles[place] for place in way.links)),
            way=way,
        )
        for way in ways(network)
    ]


def _end(name: str) -> str:
    """What a node of the picture is, without its number."""
    return name.partition(":")[0]


def group_rows(fleet: Fleet) -> list[dict[str, Any]]:
    """Each group's share of the whole: devices, memory, rates and power."""
    columns = _columns(fleet)
    return [
        {
            "name": name,
            "count": int(count),
            "rates": [_share(columns[rate], place, count) for rate in DRAWN_RATES],
            **{column: _share(columns[column], place, count) for column in DRAWN_FIGURES},
        }
        for place, (name, count) in enumerate(zip(fleet.names, fleet.counts, strict=True))
    ]


def totals(fleet: Fleet) -> dict[str, Any]:
    """Sums over all devices of a fleet; of rates, over those that have one."""
    columns = _columns(fleet)
    return {
        "devices": float(fleet.num_devices),
        "rates": [_sum(columns[rate], fleet) for rate in DRAWN_RATES],
        **{column: _sum(columns[column], fleet) for column in DRAWN_FIGURES},
    }


def _columns(fleet: Fleet) -> dict[str, list[Figure | None]]:
    """The figures of each group's device, by operator or name."""
    found: dict[str, list[Figure | None]] = {rate: [kind.rate(rate) for kind in fleet.kinds] for rate in DRAWN_RATES}
    return found | {name: [getattr(kind, name) for kind in fleet.kinds] for name in DRAWN_FIGURES}


def _share(column: list[Figure | None], place: int, count: Any) -> Shown | None:
    figure = column[place]
    return None if figure is None else Shown(figure.value * int(count), is_recalled(figure))


def _sum(column: list[Figure | None], fleet: Fleet) -> Shown | None:
    known = [(figure, int(count)) for figure, count in zip(column, fleet.counts, strict=True) if figure is not None]
    if not known:
        return None
    return Shown(sum(figure.value * count for figure, count in known), any(is_recalled(one) for one, _ in known))


def _name(choice: Any) -> str:
    return choice if isinstance(choice, str) else str(choice.name)
