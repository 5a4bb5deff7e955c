"""The plans of a task: what the placer chooses, the trivial ones beside it, and which of them is carried out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.core.allowance import NotForeseen
from engine.core.errors import EngineError
from engine.core.nodes import SERVER
from engine.core.registry import kind_of
from engine.core.streams import stream
from engine.costs.trace import Trace, TraceBuilder
from engine.inference.cuts.pieces import Pieces
from engine.inference.outages.failures import (
    Guard,
    StandbyRules,
    held_weights,
    with_standbys,
    without_nodes,
    worst_case,
)
from engine.inference.outages.losses import LossSets, loss_sets
from engine.inference.placer import NoPlan, Placement, Placer, Size, placement_of
from engine.inference.placers.all_cloud import AllCloud
from engine.inference.placers.single_best import SingleBest, alone
from engine.inference.plans.courses import At, Course, courses
from engine.inference.plans.plan import Plan, plan_of
from engine.inference.plans.prices import Prices, can_compute
from engine.inference.plans.problem import PlacementProblem
from engine.inference.requests.queueing import on_shared_resources
from engine.inference.requests.route import Route
from engine.inference.splitters.layer import LayerSplitter
from engine.models.graph import Graph

if TYPE_CHECKING:
    from engine.inference.task import Inference
    from engine.task.contract import Context

PRICING_STEPS, STEPS_PER_PAIR = 6_000, 100
"""Steps of asking the cost model for all prices, and those that each pair of devices adds."""

COSTED_PLACEMENTS = 100
"""Placements in whose time the cost model is asked for the figures of one plan."""

CHOSEN, TEACHER = "chosen", "teacher"

TITLES: Mapping[str, tuple[str, str]] = {
    CHOSEN: ("Plan", "plan"),
    "single_best": ("All on the best device", "baseline"),
    "all_cloud": ("All in the cloud", "baseline"),
    TEACHER: ("The teacher on the best device", "teacher"),
}
"""Title and role of each plan of the comparison."""


def _pricing_steps(num_devices: int) -> int:
    return PRICING_STEPS + STEPS_PER_PAIR * num_devices**2


def first_of_group(context: "Context", group: str | None) -> int | None:
    """Number of the first device of a group; None if no group is named.

    Raises:
        EngineError: there is no such group.
    """
    if group is None:
        return None
    if group not in context.fleet.names:
        raise EngineError(f"the fleet has no group {group!r}; there are {', '.join(context.fleet.names)}")
    return int(context.fleet.starts[context.fleet.names.index(group)])


@dataclass(frozen=True)
class Ends:
    """Numbers of the devices with a role of their own.

    Attributes:
        origin: where inputs arise.
        sink: where the answer is wanted.
        cloud: the cloud; None if there is none.
    """

    origin: int
    sink: int
    cloud: int | None


class Planning:
    """All that follows from spec, fleet and network without data: NumPy only.

    Args:
        task: the task.
        context: fleet, network and seed.
        graph: the trained network.
        pieces: what is placed: those of that network, or the students that stand for it.
    """

    def __init__(self, task: "Inference", context: "Context", graph: Graph, pieces: Pieces) -> None:
        self.task, self.context, self.graph, self.pieces = task, context, graph, pieces
        self._guards: dict[tuple[float, ...], Guard] = {}

    @property
    def optional(self) -> frozenset[int]:
        """Numbers of the pieces without which there is an answer: students, but not the layer in which they meet; of a
        chain with exits all but the first.
        """
        if self.pieces.exit_rates:
            return frozenset(range(1, len(self.pieces.pieces)))
        splitter = self.task.splitter
        has_students = splitter.needs_training and not splitter.extends_network
        return frozenset(range(len(self.pieces.pieces) - 1)) if has_students else frozenset()

    @cached_property
    def ends(self) -> Ends:
        """The devices with a role of their own; the first one asks where no group is named."""
        origin = first_of_group(self.context, self.task.origin) or 0
        sink = first_of_group(self.context, self.task.sink)
        return Ends(origin, origin if sink is None else sink, first_of_group(self.context, self.task.cloud))

    @cached_property
    def problem(self) -> PlacementProblem:
        """What the placer solves, on all devices of the fleet."""
        return self.problem_of(self.pieces)

    def problem_of(self, pieces: Pieces) -> PlacementProblem:
        """The same for other pieces."""
        task, ends = self.task, self.ends
        self._spend(_pricing_steps(self.context.fleet.num_devices))
        return PlacementProblem(
            pieces=pieces,
            prices=Prices.of(self.context.cost_model, pieces),
            objective=task.objective,
            source=ends.origin,
            sink=ends.sink,
            cloud=ends.cloud,
            constraints=task.rules.constraints(task.requests.count),
        )

    @property
    def availability(self) -> dict[int, float]:
        """Probability that a device is there, by its number."""
        failures, fleet = self.task.failures, self.context.fleet
        return {
            device: failures.by_group.get(fleet.names[int(group)], failures.availability)
            for device, group in enumerate(fleet.group_of.tolist())
            if device not in (self.ends.origin, self.ends.sink)
        }

    @cached_property
    def placements(self) -> dict[str, Placement]:
        """The placement that is carried out, and the trivial ones that can be, by name.

        Raises:
            NoPlan: the placer finds none.
            NotForeseen: that may take longer than the context allows.
        """
        if self.task.failures.plan_for != "normal":
            self._spend(None)
        first = self.place(self.problem)
        found = {CHOSEN: first}
        for baseline in (SingleBest(), AllCloud()):
            try:
                found[baseline.kind] = self.place(self.problem, baseline)
            except NoPlan:
                continue  # too large for any single device, or no cloud: then there is nothing to stand beside
        if self.task.failures.plan_for == "worst_case":
            found[CHOSEN] = self._for_the_worst(found)
        return found

    @cached_property
    def plans(self) -> dict[str, Plan]:
        """The same with the figures of the cost model."""
        plans = {name: self.plan(self.problem, placement, name) for name, placement in self.placements.items()}
        if self.task.splitter.needs_training:
            whole = self.problem_of(LayerSplitter().split(self.graph))
            try:
                plans[TEACHER] = self.plan(whole, self.place(whole, SingleBest()), TEACHER)
            except NoPlan:
                return plans  # the teacher fits nowhere: then it does not stand beside its students
        return plans

    def place(self, problem: PlacementProblem, placer: Placer | None = None) -> Placement:
        """What the task's placer, or another one, makes of a problem.

        Raises:
            NoPlan: it finds none.
            NotForeseen: it may take longer than the context allows.
        """
        placer, allowance = placer or self.task.placer, self.context.allowance
        if allowance is None:
            return placer.place(problem)
        allowance.take(most := placer.effort(Size.of(problem)))
        found = placer.place(problem)
        if most is not None and found.steps is not None:
            allowance.give_back(most - found.steps)
        return found

    def effort(self, num_devices: int) -> float | None:
        """The most steps that prices and a placement of these pieces take on so many devices; None if nobody knows."""
        task, pieces = self.task, self.pieces
        if task.failures.plan_for != "normal":
            return None  # each plan that comes into question is renewed for each loss
        has_deadline, placements = task.rules.deadline_s is not None, None
        if self._num_free is not None:
            placements = num_devices**self._num_free
        size = Size(len(pieces.pieces), len(pieces.messages), num_devices, has_deadline, placements)
        placing = task.placer.effort(size)
        return None if placing is None else _pricing_steps(num_devices) + placing

    @cached_property
    def _num_free(self) -> int | None:
        """How many pieces may be on any device; None if there are some that only some devices can compute."""
        free = [piece for piece in self.pieces.pieces if piece.pinned is None]
        is_able = all(can_compute(kind, piece) for kind in self.context.fleet.kinds for piece in free)
        return len(free) if is_able else None

    def refuse_long(self) -> None:
        """Go on only if planning is sure to take no longer than the context allows; asked before anything is priced.

        Raises:
            NotForeseen: it is not.
        """
        allowance = self.context.allowance
        if allowance is None or "placements" in vars(self):
            return  # nobody waits, or it is done
        if not allowance.covers(self.effort(self.context.fleet.num_devices)):
            raise NotForeseen(f"the placer {kind_of(type(self.task.placer))} may take longer than somebody should wait")

    def _spend(self, steps: float | None) -> None:
        """Ask for steps where somebody waits.

        Raises:
            NotForeseen: so many are not left.
        """
        if self.context.allowance is not None:
            self.context.allowance.take(steps)

    def plan(self, problem: PlacementProblem, placement: Placement, name: str) -> Plan:
        """A placement with the figures of the cost model."""
        self._spend(COSTED_PLACEMENTS * Size.of(problem).placement)
        return plan_of(problem, placement, self.context.cost_model, title=name, availability=self.availability)

    @property
    def chosen(self) -> Plan:
        """The plan that is carried out."""
        return self.plans[CHOSEN]

    @property
    def is_cut_network(self) -> bool:
        """Whether the pieces are those of the trained network itself."""
        return not self.task.splitter.needs_training

    @cached_property
    def carried(self) -> Pieces:
        """The pieces with messages as they arrive by the plan that is carried out."""
        return self.problem.carried(self.placements[CHOSEN].at)

    @cached_property
    def standby(self) -> dict[int, tuple[int, ...]]:
        """By place among the nodes of the plan's devices, those that take over."""
        return self._standby(self.placements[CHOSEN].at)

    def guard(self, accuracies: Sequence[float]) -> Guard:
        """The plan and what stands behind it.

        Args:
            accuracies: share of right answers without optional pieces: of all of them, and where there are some of
                every other set, in the order of the bits of their numbers; of a chain with exits without its last
                pieces, by their count.
        """
        key = tuple(accuracies)
        if key not in self._guards:
            self._guards[key] = self._guard(self.placements[CHOSEN].at, key)
        return self._guards[key]

    def shares(self) -> tuple[float, ...]:
        """What stands for accuracies before these are known: the share of optional pieces that are there."""
        count = len(self.optional)
        if self.pieces.exit_rates:
            return tuple(1 - lost / (count + 1) for lost in range(count + 1))
        return tuple(1 - missing.bit_count() / count if count else 1.0 for missing in range(1 << count))

    def sets(self, guard: Guard) -> LossSets:
        """The losses that are tried on a plan."""
        failures = self.task.failures
        draw = stream(self.context.seed, "losses")
        return loss_sets(guard.devices, failures.most_lost, failures.most_sets, draw)

    @cached_property
    def ways(self) -> list[Course]:
        """The ways of an inference through the plan: one for each exit, else one."""
        return courses(self.problem, self.placements[CHOSEN].at, self.context.cost_model)

    @cached_property
    def routes(self) -> list[Route]:
        """What each of them asks of devices and links in a stream of the task's rate, in one numbering."""
        model, period_s = self.context.cost_model, self.task.requests.period_s
        return on_shared_resources([Route.of(way.laid.trace, model, period_s=period_s) for way in self.ways])

    @property
    def shares_of_ways(self) -> NDArray[np.float64]:
        """(W,) share of the inferences that take each way."""
        return np.array([way.share for way in self.ways])

    @property
    def period_s(self) -> float:
        """Seconds between two requests of the fastest stream that does not pile up: those of the busiest resource."""
        busy = self.shares_of_ways @ np.stack([route.busy_s for route in self.routes])
        return float(busy.max(initial=0.0))

    def trace(self) -> Trace:
        """The weights go to all that hold them, then come all requests, one after the other."""
        self.refuse_long()
        builder = TraceBuilder()
        held = held_weights(self.problem, self.placements[CHOSEN].at, self.standby)
        for node, weights in sorted(held.items()):
            if sum(weights.values()):
                device = self.problem.prices.nodes[node]
                builder.send(SERVER, device, sum(weights.values()), new_connection=True, phase="download")
        ends = np.rint(np.cumsum(self.shares_of_ways) * self.task.requests.count).astype(np.int64)
        counts = np.diff(ends, prepend=0).tolist()
        requests = [
            replace(way.laid.trace, repeats=np.array([count]))
            for way, count in zip(self.ways, counts, strict=True)
            if count
        ]
        return Trace.concat([builder.build(), *requests] if held else requests)

    def _standby(self, at: At) -> dict[int, tuple[int, ...]]:
        failures, nodes = self.task.failures, self.problem.prices.nodes
        if not failures.standbys:
            return {}
        size = Size.of(self.problem)
        self._spend(3 * len(set(at)) * size.nodes * size.placement)
        there = self.availability
        rules = StandbyRules(
            copies=failures.standbys,
            availability={node: there[device] for node, device in enumerate(nodes) if device in there},
            by_availability=failures.standby_by == "availability",
            enough=failures.group_availability,
        )
        return with_standbys(self.problem, at, rules)

    def _guard(self, at: At, accuracies: Sequence[float]) -> Guard:
        failures = self.task.failures
        return Guard(
            problem=self.problem,
            at=at,
            cost_model=self.context.cost_model,
            accuracy=lambda missing: accuracies[
                len(missing) if self.pieces.exit_rates else sum(1 << piece for piece in missing)
            ],
            optional=self.optional,
            standby=self._standby(at),
            placer=self.task.placer if failures.renew else None,
            timeout_s=failures.timeout_s,
        )

    def _for_the_worst(self, found: Mapping[str, Placement]) -> Placement:
        """Of the plans that are known, all at the source, and those without one device of the first one, the one whose
        worst loss is least bad: how often the network will be right is not known yet.
        """
        problem, first = self.problem, found[CHOSEN]
        candidates = {placement.at: name for name, placement in found.items()}
        candidates.setdefault(alone(problem, problem.source), "all at the source")
        for node in set(first.at) - {problem.source, problem.sink}:
            try:
                at = self.place(without_nodes(problem, (node,))).at
            except NoPlan:
                continue
            candidates.setdefault(at, f"the plan without device {problem.prices.nodes[node]}")
        kept = [at for at in candidates if not problem.violations(problem.score(at))]
        best = kept[worst_case([self._guard(at, self.shares()) for at in kept], self.sets)]
        return placement_of(
            problem, best, f"of {len(kept)} plans the one whose worst loss is least bad: {candidates[best]}"
        )
