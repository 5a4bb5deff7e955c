"""What the page of a saved design shows besides its text."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from engine.core.errors import SpecError
from engine.network.catalogue import links
from engine.specs.families import FAMILIES
from webapp.library.capacity import legend
from webapp.library.drawing import draw, signs
from webapp.library.examples import example_fleet, fitting_fleets
from webapp.library.fitting import fit_context
from webapp.library.models import Fleet, Network, Task
from webapp.library.parts import (
    edge_rows,
    figures_of,
    fleet_of,
    group_rows,
    network_of,
    recalled_share,
    totals,
    way_rows,
)
from webapp.previews.kinds import panels_of
from webapp.previews.services import look
from webapp.previews.wanted import measures_of
from webapp.teams.models import Team

FORMAT_TITLES = {"graphml": "GraphML", "csv": "CSV", "json": "JSON"}
"""What people call the formats of files that hold networks."""


def detail_of(design: Fleet | Network | Task, query: Mapping[str, str], team: Team) -> dict[str, Any]:
    """The context of its page; a body of an older schema shows its text only."""
    try:
        match design:
            case Fleet():
                return _fleet(design, query, team)
            case Network():
                return _network(design, query.get("fleet", ""), Fleet.objects.of(team))
            case _:
                return _task(design, query, team)
    except (SpecError, ValueError) as error:
        return {"unreadable": str(error)}


def _fleet(design: Fleet, query: Mapping[str, str], team: Team) -> dict[str, Any]:
    spec = fleet_of(design.body)
    fleet = spec.resolve()
    groups = [
        {"sign": sign, "spec": group, "device": group.resolved_device(), "figures": figures_of(group.resolved_device())}
        for sign, group in zip(signs(fleet), spec.groups, strict=True)
    ]
    recalled, figures = recalled_share([group.resolved_device() for group in spec.groups])
    return {
        "groups": groups,
        "rows": group_rows(fleet),
        "totals": totals(fleet),
        "recalled": recalled,
        "num_figures": figures,
        **fit_context(fleet, query, team),
    }


def _network(design: Network, chosen: str, fleets: QuerySet[Fleet]) -> dict[str, Any]:
    network = network_of(design.body)
    fitting = fitting_fleets(network, fleets)
    picked = next((fleet for fleet in fitting if str(fleet.pk) == chosen), fitting[0] if fitting else None)
    spec = fleet_of(picked.body) if picked else example_fleet(network)
    fleet = spec.resolve()
    resolved = network.resolve(spec)
    rows = [
        {"name": name, "link": link, "figures": figures_of(link)}
        for name, link in zip(resolved.table.names, resolved.links, strict=True)
    ]
    users = [
        (group, resolved.links[place]) for group, place in zip(resolved.counts, resolved.table.of_group, strict=True)
    ]
    return {
        "network": network,
        "topology": network.topology.kind.replace("_", " "),
        "drawing": draw(fleet, network.topology, resolved),
        "signs": signs(fleet),
        "legend": legend(resolved),
        "edge_rows": edge_rows(resolved),
        "measures": look(measures_of(network.with_figures(), spec.with_figures())),
        "links": rows,
        "link_users": users,
        "ways": way_rows(resolved),
        "in_catalogue": set(links()),
        "fleets": fitting,
        "picked": picked,
        "formats": [
            {"title": title, "url": reverse(f"network-export-{written}", args=[design.pk])}
            for written, title in FORMAT_TITLES.items()
        ],
    }


def _task(design: Task, query: Mapping[str, str], team: Team) -> dict[str, Any]:
    seen = panels_of(team, design.body, query.get("_devices", ""), query.get("_seed", ""))
    parts = []
    homes = {
        "dataset": "datasets",
        "partition": "partitioners",
        "model": "models",
        "strategy": "strategies",
        "sampler": "samplers",
    }
    for name, value in design.body.items():
        family = homes.get(name, "")
        kind = value.get("kind", "") if isinstance(value, dict) else ""
        member = FAMILIES[family].members().get(kind) if family else None
        rest = {key: entry for key, entry in value.items() if key != "kind"} if isinstance(value, dict) else value
        about = " ".join((member.__doc__ or "").partition("\n\n")[0].split()) if member else ""
        parts.append({"name": name, "family": family if member else "", "kind": kind, "rest": rest, "about": about})
    return {**seen, "set_parts": parts}
