"""What the card "What if?" offers for a run, and to whom."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse

from engine.core.errors import SpecError
from engine.fleet.catalogue import devices
from engine.fleet.group import GroupSpec
from engine.network.catalogue import links
from engine.specs.recosting import obstacles
from webapp.api.access import MOUNT
from webapp.experiments.models import Run, RunState
from webapp.experiments.states import Conflict
from webapp.library.models import Network
from webapp.recosting.worlds import spec_of, world_of
from webapp.teams.access import at_least
from webapp.teams.models import Role, User

MOST_GROUPS = 8
"""Groups with controls of their own; REST takes any."""

MOST_NETWORKS = 50

FACTORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100)
"""Where the sliders of factors can stand."""

LOSSES = (None, 0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25)
"""Where the slider of loss can stand; at its low end each link keeps its own."""


def panel_of(run: Run, user: User, absolute: Callable[[str], str]) -> dict[str, Any]:
    """What the card shows.

    Args:
        run: the run.
        user: who looks at it.
        absolute: makes an address of a path.
    """
    place = f"/{MOUNT}runs/{run.pk}/recost"
    found: dict[str, Any] = {"run": run, "place": place, "is_waiting": run.state != RunState.DONE}
    if found["is_waiting"]:
        return found
    try:
        world_of(run)
        spec = spec_of(run.cell)
    except Conflict as error:
        return {**found, "refusals": [{"path": "", "message": str(error)}]}
    except SpecError as error:
        return {**found, "refusals": error.problems}
    groups = spec.fleet.groups[:MOST_GROUPS]
    data = {
        "place": place,
        "address": absolute(place),
        "factors": FACTORS,
        "losses": LOSSES,
        "networks": reverse("network-list"),
        "fleets": reverse("fleet-list"),
    }
    return {
        **found,
        "refusals": obstacles(spec),
        "groups": [
            {"id": f"wi-speed-{place}", "name": group.name, "count": group.count, "device": _name(group)}
            for place, group in enumerate(groups, start=1)
        ],
        "num_hidden": len(spec.fleet.groups) - len(groups),
        "saved": Network.objects.visible_to(user).of(run.team).order_by("name")[:MOST_NETWORKS],
        "links": [(name, link.name) for name, link in links().items()],
        "devices": [(name, device.name) for name, device in devices().items()],
        "has_backhaul": spec.network.backhaul is not None,
        "neutral": FACTORS.index(1),
        "last_factor": len(FACTORS) - 1,
        "last_loss": len(LOSSES) - 1,
        "may_save": at_least(user, run.team, Role.EDITOR),
        "data": data,
    }


def _name(group: GroupSpec) -> str:
    return group.resolved_device().name
