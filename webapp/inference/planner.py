"""Plans of a design for pages and REST: made here where that takes no time, in a process of its own where it may."""

import functools
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings

from engine.core.allowance import NotForeseen
from engine.core.errors import EngineError, Problem, SpecError
from engine.specs.experiment import ExperimentSpec
from engine.specs.plan_sweep import PlanSweep, varied_group, winners
from engine.specs.plans import planning_of, plans, read_design
from engine.specs.text import tree_of
from webapp.datasets.usage import foreign_uploads
from webapp.experiments.engine_process import TakesTooLong, answer_of, at_once
from webapp.library.services import body_for
from webapp.teams.models import Team
from webapp.trained.usage import foreign_models, headless_only


def design_of(team: Team, tree: Any) -> ExperimentSpec:
    """The design of a plain tree as it stands outside of its sweep, with what it names checked to be the team's.

    Raises:
        SpecError: all problems of the first stage that has any.
    """
    if refused := headless_only(tree):
        raise SpecError(refused)
    spec = read_design(tree, saved=functools.partial(body_for, team))
    if problems := [*foreign_uploads(spec, team), *foreign_models(spec, team)]:
        raise SpecError(problems)
    return spec


def plans_of(
    spec: ExperimentSpec, assignment: Mapping[str, int] | None = None, sweep: PlanSweep | None = None
) -> dict[str, Any]:
    """The plans of a design, what an assignment by hand comes to, and who wins over a sweep, all at once.

    Returns:
        as :func:`engine.specs.plans.plans`, with the ``winners`` of :func:`engine.specs.plan_sweep.winners` or None.

    Raises:
        SpecError: something is wrong with the design, the assignment or the sweep, or its placer takes too long.
        EngineError: there is no price of sending between some devices.
    """
    _refuse_names(assignment)
    if sweep is not None:
        varied_group(spec, sweep)
    try:
        planning = planning_of(spec, at_once())
        found = dict(plans(planning, assignment))
        return {**found, "winners": None if sweep is None else dict(winners(spec, planning, sweep, assignment))}
    except NotForeseen:
        return asked(spec, [*_moves(assignment), *_axes(sweep)])


def winners_of(spec: ExperimentSpec, sweep: PlanSweep, assignment: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Which plan is best at each point of a sweep; see :func:`engine.specs.plan_sweep.winners`.

    Raises:
        SpecError: something is wrong with the design, or its placer takes too long.
        EngineError: there is no price of sending between some devices.
    """
    _refuse_names(assignment)
    varied_group(spec, sweep)
    try:
        return dict(winners(spec, planning_of(spec, at_once()), sweep, assignment))
    except NotForeseen:
        found: dict[str, Any] = asked(spec, [*_moves(assignment), *_axes(sweep)])["winners"]
        return found


def _refuse_names(assignment: Mapping[str, int] | None) -> None:
    """Names that no piece has and that no command line takes.

    Raises:
        SpecError: there are some.
    """
    if any(not 0 < len(name) <= 200 or not name.isprintable() for name in assignment or {}):
        message = "names of pieces have 1 to 200 characters that can be printed"
        raise SpecError([Problem("assignment", "malformed", message)])


def asked(spec: ExperimentSpec, words: list[str]) -> dict[str, Any]:
    """What the engine's command says with these words, in a process of its own.

    Raises:
        SpecError: it takes longer than is allowed.
        EngineError: it failed.
    """
    limit_s = settings.PLAN_LIMIT_S
    try:
        found = answer_of(["plan", "-", "--json", *words], limit_s=limit_s, given=orjson.dumps(tree_of(spec)))
    except TakesTooLong as error:
        message = (
            f"planning takes over {limit_s:g} s; choose another placer, fewer devices or points, or ./edgeloom plan"
        )
        raise SpecError([Problem("task.placer", "plan_too_slow", message)]) from error
    answer: dict[str, Any] = found
    return answer


def _moves(assignment: Mapping[str, int] | None) -> list[str]:
    return [word for piece, device in (assignment or {}).items() for word in ("--assign", f"{piece}={device}")]


def _axes(sweep: PlanSweep | None) -> list[str]:
    if sweep is None:
        return []
    axes = {name: ",".join(f"{value:.17g}" for value in values) for name, values in sweep.axes.items()}
    axes |= {"group": sweep.group} if sweep.group is not None else {}
    return [word for name, text in axes.items() for word in ("--sweep", f"{name}={text}")]


def told(error: EngineError) -> tuple[Problem, ...]:
    """An error as problems."""
    return error.problems if isinstance(error, SpecError) else (Problem("", error.code, str(error)),)
