"""The plans of a design of kind ``inference``, before anything is trained: proposed, edited by hand, and elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.allowance import Allowance
from engine.core.errors import Problem, SpecError
from engine.core.json import JsonValue
from engine.inference.checks import problems_before_plan
from engine.inference.plans.planning import Planning
from engine.inference.plans.proposals import by_hand, evaluated, moves, proposals_of
from engine.inference.task import Inference
from engine.inference.world import world_of
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.messages import shown
from engine.specs.overlay import Saved, apply_overrides, resolve_saved
from engine.specs.text import validate
from engine.specs.versions import upgrade

KIND = "inference"
"""The kind of task that has plans."""


def read_design(tree: Any, *, saved: Saved | None = None, settings: Iterable[str] = ()) -> ExperimentSpec:
    """The design of a plain tree as it stands outside of its sweep, whether or not its placer finds a plan.

    Args:
        tree: the document.
        saved: gives saved parts by family and id.
        settings: ``path=value`` overrides.

    Raises:
        SpecError: all problems of the first stage that has any.
    """
    if not isinstance(tree, dict):
        raise SpecError([Problem("", "wrong_type", f"a spec is a mapping of fields; given {shown(tree)}")])
    tree = apply_overrides(resolve_saved(upgrade(tree), saved), settings)
    task = tree.get("task")
    kind = task.get("kind") if isinstance(task, dict) else None
    if kind is not None and kind != KIND:
        raise SpecError([Problem("task.kind", "no_plans", f"only tasks of kind {KIND} have plans; given: {kind}")])
    return validate({name: value for name, value in tree.items() if name != "sweep"})


def planning_of(spec: ExperimentSpec, allowance: Allowance | None = None) -> Planning:
    """Fleet, network and pieces of a design, from which its plans follow.

    Args:
        spec: the design.
        allowance: what may be computed for its plans; by default all that they take.

    Raises:
        NotForeseen: the pieces follow from plans, which may take longer.
        SpecError: the task is of another kind, or something is wrong with it whatever the plan.
        EngineError: there is no price of sending between some devices.
    """
    task = spec.task
    if not isinstance(task, Inference):
        raise SpecError([Problem("task.kind", "no_plans", f"only tasks of kind {KIND} have plans")])
    problems = spec.network.check(spec.fleet)
    if problems:
        raise SpecError(_below("network", problems))
    context = make_context(spec, spec.seeds[0], allowance=allowance)
    problems = task.dataset.check()
    if problems:
        raise SpecError(_below("task.dataset", problems))
    problems = problems_before_plan(task, context)
    if problems:
        raise SpecError(_below("task", problems))
    return world_of(task, context).planning


def plans(planning: Planning, assignment: Mapping[str, int] | None = None) -> dict[str, JsonValue]:
    """The plans of a design: the placer's, all on the best device, all in the cloud; with an assignment that one too.

    Args:
        planning: of the design.
        assignment: number of the device of each piece; pieces that are not named stay where the placer has them.

    Returns:
        As JSON: roles, ``devices``, ``pieces``, ``plans``, ``missing`` with the reasons, ``edited`` with the plan by
        hand or nothing, and ``moved``, the pieces that it moves.

    Raises:
        SpecError: something is wrong with the assignment.
        NotForeseen: it may take longer than the planning allows.
    """
    if assignment is not None:
        by_hand(planning.problem, assignment)  # before a placer takes its time
    found = proposals_of(planning)
    edited = None if assignment is None else evaluated(found, assignment)
    moved = [] if edited is None or found.first is None else moves(found.first.plan, edited.plan)
    return {**found.as_json(), "edited": None if edited is None else edited.as_json(), "moved": list(moved)}


def _below(part: str, problems: Iterable[Problem]) -> list[Problem]:
    return [Problem(f"{part}.{one.path}".rstrip("."), one.code, one.message) for one in problems]
