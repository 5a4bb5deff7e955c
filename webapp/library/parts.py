"""Saved designs as the engine's components, with what their pages show of them."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.component import Component
from engine.core.figure import Figure
from engine.core.operators import OperatorClass
from engine.fleet.fleet import Fleet
from engine.fleet.group import FleetSpec
from engine.network.choice import link_of
from engine.network.network import Network
from engine.network.spec import NetworkSpec

DRAWN_RATES: tuple[OperatorClass, ...] = ("conv", "depthwise", "linear", "recurrent")
"""The kinds of operators whose speed a fleet's page shows."""


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


def figures_of(component: Component) -> list[FigureRow]:
    """Every known figure of a device or link, in the order of declaration."""
    rows = []
    for name, info in type(component).model_fields.items():
        value = getattr(component, name)
        if isinstance(value, Figure):
            title = name.removesuffix("_w").removesuffix("_bytes").replace("_", " ").capitalize()
            rows.append(FigureRow(name, title, value, " ".join((info.description or "").split())))
    return rows


def recalled_share(components: Iterable[Component]) -> tuple[int, int]:
    """How many figures of these rest on recollection, and how many there are."""
    found = [row.figure for component in components for row in figures_of(component)]
    return sum(figure.provenance == "recalled" for figure in found), len(found)


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
    up_bps: float
    down_bps: float
    rtt_s: float


def edge_rows(network: Network) -> list[EdgeRow]:
    """The connections of a network's picture as rows of a table, equal ones of a kind and link together."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for edge in network.graph_json()["edges"]:
        ends = f"{_end(edge['source'])} to {_end(edge['target'])}"
        counts[ends, str(edge["link"]), str(edge["down_link"])] += int(edge.get("count", 1))
    by_name = dict(zip(network.table.names, network.links, strict=True))
    rows = []
    for (ends, up, down), count in counts.items():
        one, other = by_name[up], by_name[down]
        title = one.name if up == down else f"{one.name} up, {other.name} down"
        rtt_s = (one.rtt.value + other.rtt.value) / 2
        rows.append(EdgeRow(ends, title, count, one.up_rate.value, other.down_rate.value, rtt_s))
    return rows


def _end(name: str) -> str:
    """What a node of the picture is, without its number."""
    return name.partition(":")[0]


def group_rows(fleet: Fleet) -> list[dict[str, Any]]:
    """Each group's share of the whole: devices, memory, rates and power."""
    columns = DRAWN_RATES
    rates = {name: fleet.rate(name) for name in columns}
    return [
        {
            "name": name,
            "count": int(count),
            "ram_bytes": float(fleet.ram_bytes[place] * count),
            "rates": [_known(rates[column][place] * count) for column in columns],
            "active_power_w": float(fleet.active_power_w[place] * count),
            "idle_power_w": float(fleet.idle_power_w[place] * count),
        }
        for place, (name, count) in enumerate(zip(fleet.names, fleet.counts, strict=True))
    ]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def totals(fleet: Fleet) -> dict[str, Any]:
    """Sums over all devices of a fleet; of rates, over those that have one."""
    columns = DRAWN_RATES
    rates = [float(np.nansum(fleet.rate(name) * fleet.counts)) for name in columns]
    return {
        "rates": [rate or None for rate in rates],
        "devices": float(fleet.num_devices),
        "ram_bytes": float((fleet.ram_bytes * fleet.counts).sum()),
        "active_power_w": float((fleet.active_power_w * fleet.counts).sum()),
        "idle_power_w": float((fleet.idle_power_w * fleet.counts).sum()),
    }


def _name(choice: Any) -> str:
    return choice if isinstance(choice, str) else str(choice.name)
