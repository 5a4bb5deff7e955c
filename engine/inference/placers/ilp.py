"""An integer program: any pieces, any objective, with a bound."""

import math
from typing import ClassVar, Literal

from pydantic import Field

from engine.inference.placer import NoPlan, Placement, Placer, best_of, placement_of, placers
from engine.inference.placers.greedy import Greedy
from engine.inference.plans.bounds import least_value
from engine.inference.plans.problem import PlacementProblem
from engine.inference.plans.program import Program, Solution, num_variables

MOST_VARIABLES = 6_000
"""Variables of a program that is solved: the first node of one so large takes up to ten seconds."""

MOST_WORK = 200_000
"""Variables times nodes of a search: of a large program, fewer nodes are looked at than the user allows."""

EXACT = 1e-6
"""Gap up to which a solution counts as the best."""

ROUNDING = 1e-5
"""Relative difference that the tolerances of the solver leave between a value and its bound."""


@placers.register
class Ilp(Placer):
    """The best placement by integer programming, to within a gap, and how far from the best it may be.

    Latency is that of the longest path: that pieces on one node wait for each other is not in the program, so that
    for graphs of pieces the bound may stay below what can be had. Where the search ends early, or the program is too
    large to be solved, the greedy plan is taken if it is better. Memory counts everything; a solution in which tensors
    that wait do not fit is excluded, and the program solved again. Of devices that are alike one order is looked at.
    The search is bounded by its nodes and by no clock, so that every process finds the same plan.
    """

    source: ClassVar[str] = (
        "Stahl et al., DeeperThings, 2021 (ILP over partitions); Huangfu, Hall, Parallelizing the dual revised simplex "
        "method, Mathematical Programming Computation 10, 2018 (HiGHS, the solver)"
    )
    kind: Literal["ilp"] = "ilp"

    most_nodes: int = Field(default=1000, ge=1, le=1_000_000)
    """Nodes of the search tree after which the best placement so far is taken, and its gap told. Fewer are looked at
    where nodes times variables of the program exceed 200,000, and none where it has more than 6,000 variables: then the
    plan is placed piece by piece, and a simple bound says how far from the best it may be. The largest that is solved,
    50 pieces on 10 devices, took 4 to 13 s for its first node and up to 35 s in all on one core; 11 pieces on 20 equal
    devices took 1 to 3 s (`./edgeloom bench placers`)."""

    gap: float = Field(default=EXACT, ge=0, le=1)
    """Relative distance from the bound at which a placement is good enough, and the search ends."""

    def find(self, problem: PlacementProblem) -> Placement:
        """Solves the program, unless it is too large or cannot find anything better than the quick plan."""
        quick, least = self._quick(problem), least_value(problem)
        value = math.inf if quick is None else problem.score(quick).value(problem.objective)
        if quick is not None and value <= least * (1 + self.gap):
            how = "optimal, placed piece by piece" if value <= least * (1 + EXACT) else self._near
            return placement_of(problem, quick, f"integer program: {how}", bound=least)
        count = num_variables(problem)
        if count > MOST_VARIABLES:
            refusal = f"the integer program would have {count:,} variables, solved are at most {MOST_VARIABLES:,}"
            if quick is None:
                raise NoPlan(refusal, remedy="Choose another placer, fewer devices or larger pieces.")
            return placement_of(problem, quick, f"placed piece by piece: {refusal}", bound=least)
        nodes = min(self.most_nodes, max(1, MOST_WORK // count))
        unit = next((one for one in (value, least) if 0 < one < math.inf), 1.0)
        solution = Program(problem, unit, value).solve(nodes, self.gap)
        at = None if solution is None else solution.at
        best = best_of(problem, [one for one in (at, quick) if one is not None])
        if best is None:
            raise NoPlan(f"the integer program has no solution, or none within {nodes:,} nodes of its search")
        bound = least if solution is None else max(least, solution.bound)
        placed = placement_of(problem, best, "", bound=bound)
        told = self._told(placed, solution, nodes) + (", placed piece by piece" if best == quick != at else "")
        return placement_of(problem, best, f"integer program: {told}", bound=bound)

    def _told(self, placed: Placement, solution: Solution | None, nodes: int) -> str:
        """What is proven of a plan, and what is not."""
        gap = placed.gap or 0.0
        if gap <= ROUNDING:
            return "optimal"
        if gap <= self.gap:
            return self._near
        if solution is None or not solution.is_finished:
            return f"best within {nodes:,} nodes"
        return "its solution, not proven to be the best since the program leaves out that pieces wait on a device"

    @property
    def _near(self) -> str:
        return f"within {100 * self.gap:.3g} % of the best"

    @staticmethod
    def _quick(problem: PlacementProblem) -> tuple[int, ...] | None:
        """A plan to fall back on where nodes are too few; None if there is none."""
        try:
            return Greedy().place(problem).at
        except NoPlan:
            return None
