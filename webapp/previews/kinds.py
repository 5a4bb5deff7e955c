"""The panels of a task without a fleet, by its kind."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.fleet.fleet import Fleet
from engine.specs.plans import KIND as INFERENCE
from webapp.datafree import previewing as datafree
from webapp.datafree.pages import KIND as DATAFREE
from webapp.inference import previewing as inference
from webapp.previews.panels import panels
from webapp.teams.models import Team

OWN: Mapping[str, Callable[[Team, Mapping[str, Any], Fleet | None], dict[str, Any]]] = {
    DATAFREE: datafree.panels,
    INFERENCE: inference.panels,
}
"""Panels of kinds of tasks that spread no data over devices; they take the fleet where it is known."""


def panels_of(team: Team, task: Mapping[str, Any], devices: str, seed: str = "") -> dict[str, Any]:
    """What there is to see of a task's block, which may be unfinished.

    Args:
        team: whose uploads and models it may show.
        task: the block.
        devices: number of devices over which data is spread, as the user wrote it.
        seed: seed of the partition, likewise.
    """
    own = own_panels(task)
    return panels(team, task, devices, seed) if own is None else own(team, task, None)


def own_panels(
    task: Mapping[str, Any],
) -> Callable[[Team, Mapping[str, Any], Fleet | None], dict[str, Any]] | None:
    """What shows a task of its kind; None for one that trains on devices."""
    kind = task.get("kind")
    return OWN.get(kind) if isinstance(kind, str) else None
