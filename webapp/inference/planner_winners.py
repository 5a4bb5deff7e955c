"""Who wins where: the best plan of a design at each point of a small grid, as the designer shows it."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from engine.core.errors import EngineError, Problem
from engine.inference.plans.planning import TITLES
from engine.inference.plans.proposals import EDITED
from engine.specs.plan_sweep import PlanSweep
from webapp.inference.planner import design_of, told, winners_of
from webapp.inference.planner_panel import RESET, edits_of
from webapp.specforms.form import SpecForm
from webapp.teams.models import Team

AXES = "plan:axes"

VALUES: Mapping[str, tuple[float, ...]] = {
    "bandwidth": (0.01, 0.1, 1, 10, 100),
    "rtt": (0.1, 0.3, 1, 3, 10),
    "devices": (1, 2, 4, 8),
}
"""What the page looks at; the command and REST take other values."""

WORDS = {"bandwidth": "Bandwidth", "rtt": "Round-trip time", "devices": "Devices"}


def winners(form: SpecForm, team: Team, post: QueryDict) -> dict[str, Any]:
    """The grid of the two axes that were asked for, or problems.

    Args:
        form: the design.
        team: whose it is.
        post: the axes, and devices that were chosen by hand.
    """
    names = post.get(AXES, "").split()
    if len(names) != 2 or any(name not in VALUES for name in names):
        return {"problems": (Problem(AXES, "unknown_axes", f"two of {', '.join(VALUES)} are allowed"),)}
    sweep = PlanSweep.model_validate({name: VALUES[name] for name in names})
    try:
        spec = design_of(team, form.tree())
        found = winners_of(spec, sweep, ({} if post.get(RESET) else edits_of(post)) or None)
    except EngineError as error:
        return {"problems": told(error)}
    return {"grid": _grid(found)}


def _grid(found: dict[str, Any]) -> dict[str, Any]:
    """Rows of cells with the winner's name and latency, and the winners that there are."""
    down, across = found["axes"]
    width = len(across["values"])
    cells = [_cell(point) for point in found["points"]]
    rows = [
        {"label": _label(down["name"], value, found), "cells": cells[place * width : (place + 1) * width]}
        for place, value in enumerate(down["values"])
    ]
    return {
        "down": WORDS[down["name"]],
        "across": WORDS[across["name"]],
        "labels": [_label(across["name"], value, found) for value in across["values"]],
        "rows": rows,
        "winners": [(name, title_of(name)) for name in dict.fromkeys(cell["winner"] for cell in cells) if name],
        "group": found["group"],
        "link": found["link"]["group"],
    }


def _cell(point: dict[str, Any]) -> dict[str, Any]:
    name = point["winner"]
    if name is None:
        return {"winner": None, "problem": point.get("problem", "every plan breaks a rule")}
    rivals = {other: one for other, one in point["plans"].items() if other != name and one["is_allowed"]}
    others = sorted((one["latency_s"], title_of(other)) for other, one in rivals.items())
    return {
        "winner": name,
        "title": title_of(name),
        "latency_s": point["plans"][name]["latency_s"],
        "num_devices": point["num_devices"],
        "others": others,
    }


def title_of(name: str) -> str:
    """What people call a plan."""
    return "Plan by hand" if name == EDITED else TITLES[name][0]


def _label(axis: str, value: float, found: dict[str, Any]) -> tuple[str, float | None, str]:
    """The value in words, and what a factor comes to on the link of the device that asks."""
    match axis:
        case "bandwidth":
            return f"{value:g} ×", found["link"]["up_rate_bps"] * value, "bit/s"
        case "rtt":
            return f"{value:g} ×", found["link"]["rtt_s"] * value, "s"
        case _:
            return f"{value:g}", None, ""
