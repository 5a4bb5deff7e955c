"""The panels of a task without a fleet, by its kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.fleet.fleet import Fleet
from engine.task.contract import tasks
from webapp.datafree import previewing as datafree
from webapp.inference import previewing as inference
from webapp.previews.panels import panels
from webapp.teams.models import Team

Panels = Callable[[Team, Mapping[str, Any], Fleet | None], dict[str, Any]]

OWN: Sequence[tuple[str, Panels]] = (("splitter", inference.panels), ("teacher", datafree.panels))
"""Panels of tasks that spread no data over devices, by a part that only such tasks have; the first that fits. They
take the fleet where it is known."""


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


def own_panels(task: Mapping[str, Any]) -> Panels | None:
    """What shows a task of its kind; None for one that trains on devices."""
    kind = task.get("kind")
    member = tasks.members().get(kind) if isinstance(kind, str) else None
    if member is None or "partition" in member.model_fields:
        return None
    return next((panels for part, panels in OWN if part in member.model_fields), None)
