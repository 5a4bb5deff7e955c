"""Plans of a design for pages and REST: made here where that takes no time, in a process of its own where it may."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings

from engine.core.errors import EngineError, Problem, SpecError
from engine.inference.cuts.sharing import SharingSplitter
from engine.inference.placers.all_cloud import AllCloud
from engine.inference.placers.exhaustive import Exhaustive
from engine.inference.placers.given import Given
from engine.inference.placers.greedy import Greedy
from engine.inference.placers.single_best import SingleBest
from engine.inference.plans.planning import Planning
from engine.inference.task import Inference
from engine.specs.experiment import ExperimentSpec
from engine.specs.plan_sweep import PlanSweep, varied_group, winners
from engine.specs.plans import planning_of, plans, read_design
from engine.specs.text import tree_of
from webapp.datasets.usage import foreign_uploads
from webapp.experiments.engine_process import TakesTooLong, answer_of
from webapp.library.services import body_for
from webapp.teams.models import Team
from webapp.trained.usage import foreign_models, headless_only

MOST_CHOICES = 400
"""Devices times pieces up to which a greedy plan is made in the web process."""


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


def plans_of(spec: ExperimentSpec, assignment: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The plans of a design, and what an assignment by hand comes to; see :func:`engine.specs.plans.plans`.

    Raises:
        SpecError: something is wrong with the design or the assignment, or its placer takes too long.
        EngineError: there is no price of sending between some devices.
    """
    _refuse_names(assignment)
    if places_to_split(spec):
        return asked(spec, _moves(assignment))
    planning = planning_of(spec)
    if is_quick(planning):
        return dict(plans(spec, assignment))
    if wrong := Given(assignment=dict(assignment or {})).problems(planning.problem):
        raise SpecError(wrong)
    return asked(spec, _moves(assignment))


def winners_of(spec: ExperimentSpec, sweep: PlanSweep, assignment: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Which plan is best at each point of a sweep; see :func:`engine.specs.plan_sweep.winners`.

    Raises:
        SpecError: something is wrong with the design, or its placer takes too long.
        EngineError: there is no price of sending between some devices.
    """
    _refuse_names(assignment)
    group = varied_group(spec, sweep)
    num_points = math.prod(map(len, sweep.axes.values()))
    others = spec.fleet.num_devices - spec.fleet.group_counts()[group]
    most = max((spec.fleet.num_devices, *(others + count for count in sweep.devices)))
    is_small = num_points * most**2 <= settings.POINTS_AT_ONCE and not places_to_split(spec)
    if is_small and is_quick(planning_of(spec), num_nodes=most, times=num_points):
        return dict(winners(spec, sweep, assignment))
    axes = {name: ",".join(f"{value:.17g}" for value in values) for name, values in sweep.axes.items()}
    axes |= {"group": sweep.group} if sweep.group is not None else {}
    words = [word for name, text in axes.items() for word in ("--sweep", f"{name}={text}")]
    found: dict[str, Any] = asked(spec, [*words, *_moves(assignment)])["winners"]
    return found


def places_to_split(spec: ExperimentSpec) -> bool:
    """Whether a placer that may take long is asked already for the pieces: their shares follow the speed."""
    task = spec.task
    if not isinstance(task, Inference) or not isinstance(task.splitter, SharingSplitter):
        return False
    return task.splitter.by_speed and not isinstance(task.placer, Given | SingleBest | AllCloud)


def is_quick(planning: Planning, *, num_nodes: int = 0, times: int = 1) -> bool:
    """Whether its placer surely takes about a second at most; one that is not known here may take longer.

    Args:
        planning: of a design.
        num_nodes: devices to choose from, if there are more of them elsewhere.
        times: how often it places.
    """
    task, pieces = planning.task, planning.problem.num_pieces
    nodes = max(num_nodes, planning.problem.prices.num_nodes)
    most = settings.PLACEMENTS_AT_ONCE
    if task.failures.plan_for != "normal":
        return False
    match task.placer:
        case Given() | SingleBest() | AllCloud():
            return True
        case Exhaustive() as placer:
            return bool(times * min(nodes ** min(pieces, 64), placer.most) <= most)
        case Greedy() as placer:
            return bool(times * placer.tries <= most and nodes * pieces <= MOST_CHOICES)
        case _:
            return False


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


def told(error: EngineError) -> tuple[Problem, ...]:
    """An error as problems."""
    return error.problems if isinstance(error, SpecError) else (Problem("", error.code, str(error)),)
