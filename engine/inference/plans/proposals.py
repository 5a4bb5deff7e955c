"""Plans to look at before anything runs: what the placer proposes, what stands beside it, and what was changed by hand.

Unlike those that are carried out, plans here may break a rule: each says which ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.core.errors import Problem, SpecError
from engine.core.json import JsonValue, plain
from engine.inference.placer import NoPlan, Placement, placement_of
from engine.inference.placers.all_cloud import AllCloud
from engine.inference.placers.given import Given
from engine.inference.placers.single_best import SingleBest, alone
from engine.inference.plans.plan import Plan
from engine.inference.plans.planning import CHOSEN, TEACHER, TITLES, Planning
from engine.inference.plans.problem import PlacementProblem
from engine.inference.splitters.layer import LayerSplitter

EDITED = "edited"
"""Name of the plan that was changed by hand."""

SINGLE_BEST, ALL_CLOUD = "single_best", "all_cloud"


@dataclass(frozen=True)
class Proposal:
    """A plan with what it breaks.

    Attributes:
        name: which one it is.
        title: the same for people.
        plan: with the figures of the cost model.
        value: of the objective, to be least.
        violations: a sentence for each rule that it breaks; none if it can be carried out.
    """

    name: str
    title: str
    plan: Plan
    value: float
    violations: tuple[str, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """The plan as plain values; its devices are given by number."""
        figures = plain({**self.plan.as_json(), "value": self.value})
        assert isinstance(figures, dict), "a mapping is plain as a mapping"
        assignment: JsonValue = {stage.piece: stage.device for stage in self.plan.stages}
        violations: JsonValue = list(self.violations)
        return {"name": self.name, **figures, "title": self.title, "assignment": assignment, "violations": violations}


@dataclass(frozen=True)
class Proposals:
    """All plans of a design.

    Attributes:
        planning: the design.
        plans: those that there are; the placer's first, if it found one.
        missing: why there is none of the others, by name.
    """

    planning: Planning
    plans: tuple[Proposal, ...]
    missing: Mapping[str, str]

    @property
    def first(self) -> Proposal | None:
        """What the placer proposes; None if it found nothing."""
        return self.plans[0] if self.plans and self.plans[0].name == CHOSEN else None

    def as_json(self) -> dict[str, JsonValue]:
        """Roles, devices, pieces and plans as plain values."""
        planning = self.planning
        ends = planning.ends
        return {
            "objective": planning.task.objective,
            "origin": ends.origin,
            "sink": ends.sink,
            "cloud": ends.cloud,
            "is_exact": planning.pieces.exact,
            "devices": _devices(planning),
            "pieces": _pieces(planning.problem),
            "plans": [proposal.as_json() for proposal in self.plans],
            "missing": [
                {"name": name, "title": TITLES[name][0], "reason": reason} for name, reason in self.missing.items()
            ],
        }


def proposals_of(planning: Planning) -> Proposals:
    """The placer's plan, all on the best device, all in the cloud, and beside students their teacher.

    Args:
        planning: of a design.
    """
    plans: list[Proposal] = []
    missing: dict[str, str] = {}

    def add(name: str, problem: PlacementProblem, placement: Placement | None, reason: str) -> None:
        if placement is not None and math.isfinite(placement.score.latency_s):
            plans.append(_proposal(planning, problem, placement, (name, TITLES[name][0])))
        else:
            missing[name] = reason or "a device has no speed for a piece that it is to compute"

    problem = planning.problem
    try:
        add(CHOSEN, problem, planning.placements[CHOSEN], "")
    except NoPlan as error:
        missing[CHOSEN] = _said(error)
    add(SINGLE_BEST, problem, *_single(problem))
    add(ALL_CLOUD, problem, *_cloud(problem))
    if planning.task.splitter.needs_training:
        whole = planning.problem_of(LayerSplitter().split(planning.graph))
        add(TEACHER, whole, *_single(whole))
    return Proposals(planning, tuple(plans), missing)


def evaluated(proposals: Proposals, assignment: Mapping[str, int]) -> Proposal:
    """What an assignment by hand comes to, whether or not it keeps to the rules.

    Args:
        proposals: of the design.
        assignment: number of the device of each piece; pieces that are not named stay where the placer has them, or
            where inputs arise if it found no plan.

    Raises:
        SpecError: there are no such pieces or devices, or a device cannot compute its piece; all problems at once.
    """
    problem = proposals.planning.problem
    before = proposals.first
    kept = {} if before is None else {stage.piece: stage.device for stage in before.plan.stages}
    placement = by_hand(problem, {**kept, **assignment}).find(problem)
    if not math.isfinite(placement.score.latency_s):
        reasons = "; ".join(problem.violations(placement.score))
        raise SpecError([Problem("assignment", "cannot_compute", reasons)])
    return _proposal(proposals.planning, problem, placement, (EDITED, "Plan by hand"))


def by_hand(problem: PlacementProblem, assignment: Mapping[str, int]) -> Given:
    """What places pieces by an assignment that fits them.

    Raises:
        SpecError: there are no such pieces or devices, or a device cannot compute its piece; all problems at once.
    """
    try:
        found = Given(assignment=dict(assignment))
    except ValueError as error:
        raise SpecError([Problem("assignment", "wrong_type", "devices are given by numbers from 0 on")]) from error
    if wrong := found.problems(problem):
        raise SpecError(wrong)
    return found


def moves(before: Plan, after: Plan) -> list[dict[str, JsonValue]]:
    """The pieces that are on another device, with both devices."""
    there = {stage.piece: stage.device for stage in before.stages}
    return [
        {"piece": stage.piece, "from": there[stage.piece], "to": stage.device}
        for stage in after.stages
        if stage.piece in there and there[stage.piece] != stage.device
    ]


def _proposal(planning: Planning, problem: PlacementProblem, placement: Placement, names: tuple[str, str]) -> Proposal:
    name, title = names
    plan = planning.plan(problem, placement, name)
    return Proposal(name, title, plan, placement.value, tuple(problem.violations(placement.score)))


def _single(problem: PlacementProblem) -> tuple[Placement | None, str]:
    """All on the best device; where none can, the least bad by the number of rules that it breaks."""
    try:
        return SingleBest().place(problem), ""
    except NoPlan as error:
        found = [placement_of(problem, alone(problem, node), str(error)) for node in range(problem.prices.num_nodes)]
        able = [placement for placement in found if math.isfinite(placement.score.latency_s)]
        return min(able, key=lambda one: (len(problem.violations(one.score)), one.value), default=None), str(error)


def _cloud(problem: PlacementProblem) -> tuple[Placement | None, str]:
    try:
        return AllCloud().find(problem), ""
    except NoPlan as error:
        return None, _said(error)


def _said(error: NoPlan) -> str:
    return f"{error}. {error.remedy}" if error.remedy else str(error)


def _devices(planning: Planning) -> JsonValue:
    fleet, ends = planning.context.fleet, planning.ends
    roles = {"origin": ends.origin, "sink": ends.sink, "cloud": ends.cloud}
    return [
        {
            "number": number,
            "group": fleet.names[group],
            "device": fleet.kinds[group].name,
            "memory_bytes": float(fleet.kinds[group].ram_bytes.value),
            "roles": [role for role, device in roles.items() if device == number],
        }
        for number, group in enumerate(fleet.group_of.tolist())
    ]


def _pieces(problem: PlacementProblem) -> JsonValue:
    nodes: Sequence[int] = problem.prices.nodes
    return [
        {
            "name": piece.name,
            "macs": sum(count for op, count in piece.work.macs.items() if op != "other"),
            "parameter_bytes": piece.parameter_bytes,
            "peak_bytes": piece.peak_bytes,
            "pinned": piece.pinned,
            "devices": [nodes[node] for node in problem.allowed(number)],
        }
        for number, piece in enumerate(problem.pieces.pieces)
    ]
