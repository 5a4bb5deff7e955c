"""The panels of a task without a fleet, by its kind."""

from collections.abc import Mapping
from typing import Any

from webapp.datafree import previewing as datafree
from webapp.datafree.pages import KIND as DATAFREE
from webapp.previews.panels import panels
from webapp.teams.models import Team


def panels_of(team: Team, task: Mapping[str, Any], devices: str, seed: str = "") -> dict[str, Any]:
    """What there is to see of a task's block, which may be unfinished.

    Args:
        team: whose uploads and models it may show.
        task: the block.
        devices: number of devices over which data is spread, as the user wrote it.
        seed: seed of the partition, likewise.
    """
    return datafree.panels(team, task) if task.get("kind") == DATAFREE else panels(team, task, devices, seed)
