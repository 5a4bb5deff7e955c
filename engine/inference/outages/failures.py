"""How a plan meets the loss of devices: standbys take over, the plan is renewed, or the answer goes without a part."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from engine.core.nodes import SERVER
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.inference.cuts.pieces import SINK, SOURCE
from engine.inference.outages.losses import FailureTable, Loss, LossSets, Outcome
from engine.inference.placer import NoPlan, Placer
from engine.inference.plans.courses import At, courses, with_only
from engine.inference.plans.plan import DeviceShare, device_shares
from engine.inference.plans.problem import TOLERANCE, PlacementProblem

MISSING = -1
"""The place of a piece that nobody computes."""


@dataclass(frozen=True)
class Guard:
    """A placement and what stands behind it.

    Attributes:
        problem: what was placed.
        at: place among the nodes of each piece.
        cost_model: of the fleet and network.
        accuracy: share of right answers if these pieces are missing; the empty set is the plan as it is.
        optional: numbers of the pieces without which there is still an answer, as long as one of them is there; of a
            chain with exits all but the first, as the exit before a lost piece answers.
        standby: for each node that computes, others that hold its weights too, in the order in which they take over.
        placer: makes a new plan where nobody takes over; None if nobody does.
        timeout_s: after which a device that does not answer is given up.
    """

    problem: PlacementProblem
    at: At
    cost_model: CostModel
    accuracy: Callable[[frozenset[int]], float]
    optional: frozenset[int] = frozenset()
    standby: dict[int, tuple[int, ...]] = field(default_factory=dict)
    placer: Placer | None = None
    timeout_s: float = 1.0
    _known: dict[At, "Left"] = field(default_factory=dict, compare=False, repr=False)

    @property
    def nodes(self) -> tuple[int, ...]:
        """Places of the nodes that may be lost: all that compute or stand by, without source and sink. Without these
        nobody asks, or hears the answer.
        """
        used = {*self.at, *(node for others in self.standby.values() for node in others)}
        return tuple(sorted(used - {self.problem.source, self.problem.sink, MISSING}))

    @property
    def devices(self) -> tuple[int, ...]:
        """Numbers of the devices that may be lost."""
        return tuple(self.problem.prices.nodes[node] for node in self.nodes)

    def table(self, sets: LossSets) -> FailureTable:
        """What comes of each of these losses."""
        return FailureTable(tuple(self.loss(devices) for devices in sets.sets), sets.num_sets, self.devices)

    def loss(self, devices: Sequence[int]) -> Loss:
        """What comes of losing some devices, by their numbers."""
        place = {device: node for node, device in enumerate(self.problem.prices.nodes)}
        lost = frozenset(place[device] for device in devices)
        at, outcome, moved = self._after(lost)
        ordered = tuple(sorted(devices))
        if at is None:
            return Loss(ordered, "lost", 0.0, None, None)
        left = self._left(at)
        missing = frozenset(piece for piece, node in enumerate(at) if node == MISSING)
        met = 0.0 if outcome == "unharmed" else self.timeout_s + self._moving_s(moved)
        numbers = tuple(MISSING if node == MISSING else self.problem.prices.nodes[node] for node in at)
        return Loss(
            ordered, outcome, self.accuracy(missing), left.latency_s, met + left.latency_s, sum(moved.values()),
            numbers, left.stage_j, left.shares,
        )  # fmt: skip

    def latency_s(self, at: At) -> float:
        """Seconds of one inference by the cost model, without the pieces that are missing."""
        return self._left(at).latency_s

    def _left(self, at: At) -> "Left":
        if at not in self._known:
            self._known[at] = left_of(self.problem, at, self.cost_model)
        return self._known[at]

    def _after(self, lost: frozenset[int]) -> tuple[At | None, Outcome, dict[int, int]]:
        """Where the pieces are then, None without an answer; what happened; and bytes that move, by device."""
        if not lost & set(self.at):
            return self.at, "unharmed", {}
        taken = self._taken_over(lost)
        if taken is not None and MISSING not in taken:
            return taken, "standby", {}
        renewed = self._renewed(lost)
        if renewed is not None:
            return renewed, "replanned", self._moved(renewed)
        if taken is not None:
            return taken, "degraded", {}
        return None, "lost", {}

    def _taken_over(self, lost: frozenset[int]) -> At | None:
        """The pieces with those who stand by, without optional ones that nobody holds; None if a needed one is gone."""
        at: list[int] = []
        for piece, node in enumerate(self.at):
            holders = (node, *self.standby.get(node, ()))
            found = next((holder for holder in holders if holder not in lost), MISSING)
            if found == MISSING and piece not in self.optional:
                return None
            at.append(found)
        if self.problem.pieces.exit_rates:  # what follows a lost piece has nothing to read; the exit before it answers
            at = [MISSING if MISSING in at[:piece] else node for piece, node in enumerate(at)]
        elif self.optional and all(at[piece] == MISSING for piece in self.optional):
            return None  # with nothing to join there is no answer, whatever the last layer says
        problem, left = without_pieces(self.problem, tuple(at))
        return None if problem.violations(problem.score(left)) else tuple(at)

    def _renewed(self, lost: frozenset[int]) -> At | None:
        if self.placer is None:
            return None
        try:
            return self.placer.place(without_nodes(self.problem, lost)).at
        except NoPlan:
            return None

    def _moved(self, at: At) -> dict[int, int]:
        """Bytes of weights by number of the device that does not hold them yet."""
        held = held_weights(self.problem, self.at, self.standby)
        moved: dict[int, dict[str, int]] = {}
        for piece, node in enumerate(at):
            for name, size in self.problem.pieces.pieces[piece].weights:
                if name not in held.get(node, {}):
                    moved.setdefault(self.problem.prices.nodes[node], {})[name] = size
        return {device: sum(weights.values()) for device, weights in moved.items()}

    def _moving_s(self, moved: dict[int, int]) -> float:
        """Seconds in which weights come from the server."""
        if not moved:
            return 0.0
        builder = TraceBuilder()
        for device, size in moved.items():
            builder.send(SERVER, device, size, new_connection=True, phase="download")
        return float(self.cost_model.cost(builder.build()).round_s[0])


@dataclass(frozen=True)
class Left:
    """What is left of a plan, by the cost model.

    Attributes:
        latency_s: time of one inference.
        stage_j: joules of computing each piece, the mean over all inferences; None for those that are missing.
        shares: memory and energy of the devices that take part.
    """

    latency_s: float
    stage_j: tuple[float | None, ...]
    shares: tuple[DeviceShare, ...]


def left_of(problem: PlacementProblem, at: At, cost_model: CostModel) -> Left:
    """What is left where some pieces may be missing."""
    part, places = without_pieces(problem, at)
    ways = courses(part, places, cost_model)
    joules = iter(part.prices.compute_j[np.arange(len(places)), list(places)].tolist())
    return Left(
        latency_s=sum(way.share * way.seconds for way in ways),
        stage_j=tuple(None if node == MISSING else next(joules) for node in at),
        shares=device_shares(part, part.score(places).memory_bytes, cost_model, ways),
    )


def held_weights(
    problem: PlacementProblem, at: Sequence[int], standby: dict[int, tuple[int, ...]]
) -> dict[int, dict[str, int]]:
    """Weights by node and name, those for others included."""
    held: dict[int, dict[str, int]] = {}
    for piece, node in enumerate(at):
        for holder in (node, *standby.get(node, ())):
            held.setdefault(holder, {}).update(problem.pieces.pieces[piece].weights)
    return held


@dataclass(frozen=True)
class StandbyRules:
    """Which nodes stand by for another, and how many.

    Attributes:
        copies: most further nodes for each.
        availability: probability that a node is there, by its place; those not named always are.
        by_availability: whether the most available ones come first, rather than those that answer soonest.
        enough: probability that one of a group is there, from which on it does not grow; None if that is never enough.
    """

    copies: int
    availability: Mapping[int, float] = field(default_factory=dict)
    by_availability: bool = False
    enough: float | None = None

    def is_enough(self, group: Sequence[int]) -> bool:
        """Whether a group is large enough, or has all that it may have."""
        missing = prod(1 - self.availability.get(node, 1.0) for node in group)
        return len(group) > self.copies or (self.enough is not None and 1 - missing >= self.enough)

    def order(self, node: int, latency_s: float) -> tuple[float, float, int]:
        """By what candidates are sorted."""
        return -self.availability.get(node, 1.0) if self.by_availability else 0.0, latency_s, node


def with_standbys(problem: PlacementProblem, at: At, rules: StandbyRules) -> dict[int, tuple[int, ...]]:
    """Further nodes for each that computes and may be lost, as far as memory allows: first those with which an
    inference is fastest after they take over, or those that are most likely to be there.

    Source: groups of replicas after RoCoIn, arXiv 2406.14185; here one of a group computes at a time.

    Args:
        problem: what was placed.
        at: place among the nodes of each piece.
        rules: which ones, and how many.

    Returns:
        By node, those that take over, in order.
    """
    standby: dict[int, tuple[int, ...]] = {}
    safe = {problem.source, problem.sink}
    for node in sorted(set(at) - safe):
        ranked = sorted(
            (other for other in range(problem.prices.num_nodes) if other != node),
            key=lambda other: rules.order(other, problem.score(_instead(at, node, other)).latency_s),
        )
        for other in ranked:
            chosen = standby.get(node, ())
            if rules.is_enough((node, *chosen)):
                break
            tried = {**standby, node: (*chosen, other)}
            if _fits(problem, at, tried, _instead(at, node, other)):
                standby = tried
    return standby


def _instead(at: At, node: int, other: int) -> At:
    return tuple(other if here == node else here for here in at)


def _fits(problem: PlacementProblem, at: At, standby: dict[int, tuple[int, ...]], after: At) -> bool:
    """Whether all weights fit together with the most that each node then works on, and the takeover breaks no rule."""
    score = problem.score(after)
    if problem.violations(score):
        return False
    most = [max((piece.working_bytes for piece in problem.pieces.pieces), default=0)] * problem.prices.num_nodes
    held = held_weights(problem, at, standby)
    return all(
        sum(weights.values()) + most[node] <= problem.prices.memory_bytes[node] * (1 + TOLERANCE)
        for node, weights in held.items()
    )


def without_nodes(problem: PlacementProblem, lost: Iterable[int]) -> PlacementProblem:
    """The problem with nodes on which nothing can be computed any more; they keep their places."""
    gone = sorted(lost)
    seconds, memory = problem.prices.compute_s.copy(), problem.prices.memory_bytes.copy()
    seconds[:, gone] = np.inf
    cloud = None if problem.cloud in gone else problem.cloud
    return replace(problem, prices=replace(problem.prices, compute_s=seconds, memory_bytes=memory), cloud=cloud)


def without_pieces(problem: PlacementProblem, at: At) -> tuple[PlacementProblem, At]:
    """The problem without the pieces that are missing, their messages left out, and the places of the others."""
    if MISSING not in at:
        return problem, at
    kept = [piece for piece, node in enumerate(at) if node != MISSING]
    pieces = problem.pieces
    ends = {*(pieces.pieces[piece].name for piece in kept), SOURCE, SINK}
    sent = [
        number for number, message in enumerate(pieces.messages) if message.source in ends and message.target in ends
    ]
    rates = pieces.exit_rates[: len(kept)]
    if rates:
        rates = (*rates[:-1], sum(pieces.exit_rates[len(kept) - 1 :]))
    return with_only(problem, kept, sent, rates), tuple(at[piece] for piece in kept)


def worst_case(guards: Sequence[Guard], sets_of: Callable[[Guard], LossSets]) -> int:
    """Number of the guard whose worst loss is least bad: the highest least accuracy, then the shortest longest time,
    then the shortest time as it is.

    Args:
        guards: plans to choose from, at least one.
        sets_of: the losses that each is judged by.
    """

    def badness(number: int) -> tuple[float, float, float]:
        guard = guards[number]
        worst = guard.table(sets_of(guard)).worst
        seconds = float("inf") if worst.latency_s is None else worst.latency_s
        return -worst.accuracy, seconds, guard.latency_s(guard.at)

    return min(range(len(guards)), key=badness)
