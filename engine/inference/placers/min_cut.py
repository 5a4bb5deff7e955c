"""A graph of layers divided between the source and one other node, by a minimum cut."""

import math
from collections.abc import Iterator
from typing import ClassVar, Literal

from engine.inference.placer import NoPlan, Placement, Placer, Size, best_of, placement_of, placers
from engine.inference.placers.single_best import alone
from engine.inference.plans.cutting import Costs, Cutting
from engine.inference.plans.problem import Objective, PlacementProblem

TIGHTENINGS = 24
"""Halvings of the price of memory where the cut does not fit."""

STEPS_PER_CUT, CUT_STEPS = 100, 5
"""Steps of a minimum cut of any size, and steps that each piece, message and node adds."""


@placers.register
class MinCut(Placer):
    """Device and cloud, cut where computing and sending together cost least.

    A minimum cut of a network of flows divides any graph of layers in polynomial time. It adds up all computing and
    sending, as if nothing went on at the same time; on a chain nothing does, so that the cut is the best there is.
    Where the best cut does not fit into a node's memory, weights there are made dearer until it does. Without a cloud
    every other node is tried as the far side.
    """

    source: ClassVar[str] = (
        "Hu, Bao, Wang, Liu, Dynamic Adaptive DNN Surgery for Inference Acceleration on the Edge, INFOCOM 2019, "
        "section IV (light workload)"
    )
    equation: ClassVar[str] = "min Σ_near t_p + Σ_far t_p + Σ_cut t_m"
    objectives: ClassVar[tuple[Objective, ...]] = ("latency", "energy_total")
    kind: Literal["min_cut"] = "min_cut"

    def effort(self, size: Size) -> float:
        """A cut for each far side, and those with dearer memory at either end."""
        return size.nodes * (1 + 2 * TIGHTENINGS) * _steps_of_cut(size)

    def find(self, problem: PlacementProblem) -> Placement:
        """The best over the far sides that there are."""
        others = [node for node in range(problem.prices.num_nodes) if node != problem.source]
        far_sides = others if problem.cloud is None else [problem.cloud]
        candidates, bounds = [alone(problem, problem.source)], list[float]()
        for far in far_sides:
            costs = Costs.of(problem, far)
            if math.isfinite(costs.most):
                at, value = Cutting(problem, costs).solve()
                bounds.append(value)
                candidates += [at, alone(problem, far), *_tightened(problem, costs, at)]
        best = best_of(problem, candidates)
        if best is None:
            raise NoPlan("; ".join(problem.violations(problem.score(candidates[-1]))))
        is_sum = problem.pieces.is_chain or problem.objective == "energy_total"
        bound = min(bounds) if bounds and is_sum else None
        told = f"the least cut between source and {len(far_sides)} far sides"
        steps = len(candidates) * _steps_of_cut(Size.of(problem))
        return placement_of(problem, best, told, bound=bound, steps=steps)


def _steps_of_cut(size: Size) -> int:
    return STEPS_PER_CUT + CUT_STEPS * size.placement


def _tightened(problem: PlacementProblem, costs: Costs, at: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Cuts with a price on the bytes of weights where the best cut is over a node's memory."""
    over = problem.score(at).memory_bytes > problem.prices.memory_bytes
    for node in (problem.source, costs.far):
        if over[node]:
            # From a price at which no byte is worth keeping there, down to where the cut no longer fits.
            total = sum(piece.parameter_bytes for piece in problem.pieces.pieces) or 1
            high, low = 1e3 * costs.most / total, 0.0
            for _ in range(TIGHTENINGS):
                middle = (low + high) / 2
                found, _ = Cutting(problem, costs.dearer(problem, node, middle)).solve()
                yield found
                fits = problem.score(found).memory_bytes[node] <= problem.prices.memory_bytes[node]
                low, high = (low, middle) if fits else (middle, high)
