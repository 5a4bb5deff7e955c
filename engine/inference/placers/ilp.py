"""An integer program: any pieces, any objective, with a bound."""

from typing import ClassVar, Literal

from pydantic import Field

from engine.inference.placer import NoPlan, Placement, Placer, best_of, placement_of, placers
from engine.inference.placers.greedy import Greedy
from engine.inference.plans.problem import PlacementProblem
from engine.inference.plans.program import Program


@placers.register
class Ilp(Placer):
    """The best placement by integer programming, within a time limit, and how far from the best it may be.

    Latency is that of the longest path: that pieces on one node wait for each other is not in the program, so that
    for graphs of pieces the bound may stay below what can be had. Where time runs out, the greedy plan is taken if it
    is better. Memory counts everything; a solution in which
    tensors that wait do not fit is excluded, and the program solved again.
    """

    source: ClassVar[str] = (
        "Stahl et al., DeeperThings, 2021 (ILP over partitions); Huangfu, Hall, Parallelizing the dual revised simplex "
        "method, Mathematical Programming Computation 10, 2018 (HiGHS, the solver)"
    )
    kind: Literal["ilp"] = "ilp"

    time_limit_s: float = Field(default=10.0, gt=0, le=3600)
    """Seconds after which the best placement so far is taken, and its gap told."""

    def find(self, problem: PlacementProblem) -> Placement:
        """Solves the program."""
        start = self._quick(problem)
        solution = Program(problem).solve(self.time_limit_s)
        if solution is None and start is None:
            raise NoPlan(f"the integer program has no solution within {self.time_limit_s:g} s")
        bound = None if solution is None else solution[1]
        how = "optimal" if solution is not None and solution[2] else f"best within {self.time_limit_s:g} s"
        candidates = [found for found in (None if solution is None else solution[0], start) if found is not None]
        best = best_of(problem, candidates) or candidates[0]
        return placement_of(problem, best, f"{how} of the integer program", bound=bound)

    @staticmethod
    def _quick(problem: PlacementProblem) -> tuple[int, ...] | None:
        """A plan to fall back on where time is too short; None if there is none."""
        try:
            return Greedy().place(problem).at
        except NoPlan:
            return None
