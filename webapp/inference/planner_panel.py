"""What the designer shows of plans: a table of all, one of them on its network, and a device to choose per piece."""

import functools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from engine.core.allowance import NotForeseen
from engine.core.errors import EngineError, Problem, SpecError
from engine.datafree.checks import below
from engine.inference.placers.given import Given, named
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.overlay import resolve_saved
from engine.specs.plans import KIND, planning_of
from webapp.experiments.engine_process import at_once
from webapp.inference.planner import design_of, plans_of, told
from webapp.inference.planview import device_of, view_of
from webapp.library.services import body_for
from webapp.specforms.form import SpecForm
from webapp.teams.models import Team

PIECE, WAS = "plan:piece:", "plan:was:"
"""Begin the names of inputs: the device of a piece, and the one that was proposed when that input was drawn."""

RESET = "plan:reset"

MOST_PIECES = 200
"""Pieces that can be moved on the page; ``./edgeloom plan`` and REST move any."""

PLACER = "task.placer"

ROUNDING = 0.0005
"""Gap to the best plan below which it would be told as 0.0 %."""

ASSIGNMENT = "assignment."
"""Begins the paths of problems with a device that was chosen."""

COMPARED = (
    ("latency_s", "latency"),
    ("energy_j", "energy"),
    ("most_memory", "the most memory"),
    ("sent", "bytes"),
)
"""Figures of which the difference between two plans is told, in words."""


@dataclass(frozen=True)
class PieceRow:
    """A piece with the devices that it can be on.

    Attributes:
        piece: what the engine says of it.
        proposed: number of the device that the placer chose; None if it found no plan.
        device: number of the one that is chosen now.
        options: number, name and whether it is chosen, of each device that can compute it.
        proposed_name: what people call the device that the placer chose.
        problems: what is wrong with the chosen one.
    """

    piece: Mapping[str, Any]
    proposed: int | None
    device: int | None
    options: Sequence[tuple[int, str, bool]]
    proposed_name: str
    problems: Sequence[str] = ()


def kind_of(form: SpecForm, team: Team) -> str:
    """The kind of the form's task; empty where that cannot be told."""
    try:
        task = resolve_saved({"task": form.tree().get("task")}, functools.partial(body_for, team))["task"]
    except SpecError:
        return ""
    return str(task.get("kind", "")) if isinstance(task, dict) else ""


def panel(form: SpecForm, team: Team, post: QueryDict) -> dict[str, Any]:
    """What the panel shows of the form's design; nothing for other kinds of tasks.

    Args:
        form: the design.
        team: whose it is.
        post: the devices that were chosen by hand.
    """
    if kind_of(form, team) != KIND:
        return {}
    context: dict[str, Any] = {"is_inference": True}
    try:
        spec = design_of(team, form.tree())
        found, wrong, notes = _found(spec, {} if post.get(RESET) else edits_of(post))
        return {**context, **_shown(spec, found, wrong), "notes": notes}
    except EngineError as error:
        return {**context, "problems": told(error)}


def edits_of(post: QueryDict) -> dict[str, int]:
    """The pieces that were moved by hand, with the number of their device; those left where they were proposed follow
    the placer.
    """
    return {piece: device for piece, device in assignment_of(post).items() if post.get(f"{WAS}{piece}") != str(device)}


def assignment_of(post: QueryDict) -> dict[str, int]:
    """The devices as they are chosen in the panel, of all pieces."""
    chosen = {name.removeprefix(PIECE): str(post[name]) for name in post if name.startswith(PIECE)}
    return {piece: int(text) for piece, text in chosen.items() if text.isascii() and text.isdigit() and len(text) < 9}


def with_plan(tree: Mapping[str, Any], assignment: Mapping[str, int]) -> dict[str, Any]:
    """A document whose task carries out a plan by hand."""
    task = tree.get("task")
    return {
        **tree,
        "task": {
            **(task if isinstance(task, dict) else {}),
            "placer": {"kind": "given", "assignment": dict(assignment)},
        },
    }


def kept(form: SpecForm, team: Team, assignment: Mapping[str, int]) -> dict[str, Any]:
    """The document of a form whose task carries out a plan by hand, of all its pieces.

    Raises:
        SpecError: something is wrong with the design; or a piece is not there, has no device or cannot be on it.
    """
    tree = with_plan(form.tree(), assignment)
    spec = design_of(team, tree)
    with suppress(NotForeseen):  # what is too much to price for a page is looked at when it runs
        planning = planning_of(spec, at_once())
        names = [piece.name for piece in planning.pieces.pieces]
        if missing := [name for name in names if name not in assignment]:
            message = (
                f"a plan that is kept gives each of the {len(names)} pieces its device; without one: "
                f"{named(missing)}. The page moves at most {MOST_PIECES} pieces; write plans of more in YAML"
            )
            raise SpecError([Problem(f"{PLACER}.assignment", "incomplete", message)])
        by_hand = Given(assignment=dict(assignment))
        if wrong := below(PLACER, by_hand.problems(planning.problem)):
            raise SpecError(wrong)
    return tree


def _found(spec: ExperimentSpec, edits: dict[str, int]) -> tuple[dict[str, Any], dict[str, list[str]], list[str]]:
    """The plans, what is wrong with chosen devices by piece, and what to tell about those that no longer count."""
    try:
        return plans_of(spec, edits or None), {}, []
    except SpecError as error:
        if not all(problem.path.startswith(ASSIGNMENT) for problem in error.problems):
            raise
        problems = error.problems
    gone = {_piece(problem) for problem in problems if problem.code == "unknown_piece"}
    notes = []
    if gone:
        notes = ["The splitter makes other pieces now; devices chosen for pieces that are gone are dropped."]
    wrong: dict[str, list[str]] = {}
    for problem in problems:
        if _piece(problem) not in gone:
            wrong.setdefault(_piece(problem), []).append(problem.message)
    kept = {piece: device for piece, device in edits.items() if piece not in gone}
    if wrong or not kept:
        found = plans_of(spec)
        return {**found, "tried": kept}, wrong, notes
    return plans_of(spec, kept), {}, notes


def _piece(problem: Problem) -> str:
    return problem.path.removeprefix(ASSIGNMENT)


def _shown(spec: ExperimentSpec, found: dict[str, Any], wrong: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    fleet = spec.fleet.resolve()
    network = make_context(spec, spec.seeds[0]).network
    edited = found["edited"]
    plans = [*found["plans"], *([edited] if edited else [])]
    chosen = next((plan for plan in found["plans"] if plan["name"] == "chosen"), None)
    named = {number: device_of(fleet, number)["title"] for number in range(fleet.num_devices)}
    used = {share["device"] for plan in plans for share in plan["devices"]} | {found["origin"], found["sink"]}
    return {
        "found": found,
        "plans": [{**plan, **_sums(plan), "is_proposal": plan["name"] == "chosen"} for plan in plans],
        "edited": edited,
        "differences": _differences(chosen, edited) if chosen and edited else [],
        "rows": _rows(found, named, wrong),
        "num_hidden": max(0, len(found["pieces"]) - MOST_PIECES),
        "has_problems": bool(wrong),
        "may_keep": _may_keep(found, wrong),
        "view": view_of(fleet, spec.network.topology, network, used),
        "data": {
            "plans": [_with_work(plan, found["pieces"]) for plan in plans],
            "first": (edited or chosen or plans[0])["name"] if plans else "",
        },
    }


def _may_keep(found: Mapping[str, Any], wrong: Mapping[str, Sequence[str]]) -> bool:
    """Whether what is chosen is a plan that can be carried out, all of whose pieces are on the page."""
    plan = found["edited"] or next((plan for plan in found["plans"] if plan["name"] == "chosen"), None)
    return not wrong and plan is not None and not plan["violations"] and len(found["pieces"]) <= MOST_PIECES


def _with_work(plan: Mapping[str, Any], pieces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The plan with the work of each stage, where its pieces are those that are placed."""
    work = {piece["name"]: piece["macs"] for piece in pieces}
    return {**plan, "stages": [{**stage, "macs": work.get(stage["piece"])} for stage in plan["stages"]]}


def _sums(plan: Mapping[str, Any]) -> dict[str, float]:
    return {
        "most_memory": max((share["memory_bytes"] for share in plan["devices"]), default=0),
        "sent": sum(message["share"] * message["num_bytes"] for message in plan["messages"]),
        "num_devices": len(set(plan["assignment"].values())),
        "far": plan["gap"] if (plan["gap"] or 0) >= ROUNDING else 0,
    }


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, float | None]]:
    """How much more or less of each figure a plan has than another one, as a share; None from nothing."""
    one, other = {**before, **_sums(before)}, {**after, **_sums(after)}
    found: list[tuple[str, float | None]] = []
    for name, words in COMPARED:
        if one[name] != other[name]:
            found.append((words, other[name] / one[name] - 1 if one[name] else None))
    return found


def _rows(found: Mapping[str, Any], named: Mapping[int, str], wrong: Mapping[str, Sequence[str]]) -> list[PieceRow]:
    proposed: dict[str, int] = next((plan["assignment"] for plan in found["plans"] if plan["name"] == "chosen"), {})
    edited = found["edited"]["assignment"] if found["edited"] else {**proposed, **found.get("tried", {})}
    rows = []
    for piece in found["pieces"][:MOST_PIECES]:
        device = edited.get(piece["name"], found["origin"])
        able = piece["devices"] if device in piece["devices"] else [*piece["devices"], device]
        options = [(number, named.get(number, f"device {number}"), number == device) for number in able]
        was = proposed.get(piece["name"])
        name = "" if was is None else named[was]
        rows.append(PieceRow(piece, was, device, options, name, wrong.get(piece["name"], ())))
    return rows
