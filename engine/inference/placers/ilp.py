"""An integer program: any pieces, any objective, with a bound."""

from typing import ClassVar, Literal

from pydantic import Field

from engine.inference.placer import NoPlan, Placement, Placer, best_of, placement_of, placers
from engine.inference.placers.greedy import Greedy
from engine.inference.plans.problem import PlacementProblem
from engine.inference.plans.program import Program, num_variables

MOST_VARIABLES = 50_000
"""Variables of a program that is solved; to solve the root alone of a larger one takes minutes."""


EXACT = 1e-6
"""Gap up to which a solution counts as the best."""


@placers.register
class Ilp(Placer):
    """The best placement by integer programming, to within a gap, and how far from the best it may be.

    Latency is that of the longest path: that pieces on one node wait for each other is not in the program, so that
    for graphs of pieces the bound may stay below what can be had. Where the search ends early, the greedy plan is
    taken if it is better. Memory counts everything; a solution in which tensors that wait do not fit is excluded, and
    the program solved again. The search is bounded by its nodes and by no clock, so that every process finds the same
    plan.
    """

    source: ClassVar[str] = (
        "Stahl et al., DeeperThings, 2021 (ILP over partitions); Huangfu, Hall, Parallelizing the dual revised simplex "
        "method, Mathematical Programming Computation 10, 2018 (HiGHS, the solver)"
    )
    kind: Literal["ilp"] = "ilp"

    most_nodes: int = Field(default=1000, ge=1, le=1_000_000)
    """Nodes of the search tree after which the best placement so far is taken, and its gap told. A node of a program
    of some thousand variables takes some hundredths of a second."""

    gap: float = Field(default=EXACT, ge=0, le=1)
    """Relative distance from the bound at which a placement is good enough, and the search ends."""

    def find(self, problem: PlacementProblem) -> Placement:
        """Solves the program."""
        count = num_variables(problem)
        if count > MOST_VARIABLES:
            raise NoPlan(
                f"the integer program would have {count:,} variables, solved are at most {MOST_VARIABLES:,}",
                remedy="Choose another placer, fewer devices or larger pieces.",
            )
        start = self._quick(problem)
        solution = Program(problem).solve(self.most_nodes, self.gap)
        if solution is None and start is None:
            raise NoPlan(f"the integer program has no solution, or none within {self.most_nodes:,} nodes of its search")
        at = [found for found in (None if solution is None else solution.at, start) if found is not None]
        how = f"best within {self.most_nodes:,} nodes"
        if solution is not None and solution.is_finished:
            how = "optimal" if self.gap <= EXACT else f"within {100 * self.gap:.3g} % of the best"
        bound = None if solution is None else solution.bound
        return placement_of(problem, best_of(problem, at) or at[0], f"integer program: {how}", bound=bound)

    @staticmethod
    def _quick(problem: PlacementProblem) -> tuple[int, ...] | None:
        """A plan to fall back on where nodes are too few; None if there is none."""
        try:
            return Greedy().place(problem).at
        except NoPlan:
            return None
