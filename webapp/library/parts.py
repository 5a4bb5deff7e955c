"""Saved designs as the engine's components, with what their pages show of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.component import Component
from engine.core.figure import Figure
from engine.fleet.fleet import Fleet
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec


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
    parts = [f"{group}: {_name(link)}" for group, link in network.links.items()]
    if network.backhaul is not None:
        parts.append(f"backhaul: {_name(network.backhaul)}")
    return ", ".join(parts) or "every group by default"


def fleet_sentence(fleet: FleetSpec) -> str:
    """The groups of a fleet in one line."""
    return ", ".join(f"{group.count} × {_name(group.device)}" for group in fleet.groups)


def totals(fleet: Fleet) -> dict[str, float]:
    """Sums over all devices of a fleet."""
    return {
        "devices": float(fleet.num_devices),
        "ram_bytes": float((fleet.ram_bytes * fleet.counts).sum()),
        "active_power_w": float((fleet.active_power_w * fleet.counts).sum()),
        "idle_power_w": float((fleet.idle_power_w * fleet.counts).sum()),
    }


def _name(choice: Any) -> str:
    return choice if isinstance(choice, str) else str(choice.name)
