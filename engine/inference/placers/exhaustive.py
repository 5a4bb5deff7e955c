"""Every placement there is."""

from itertools import product
from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from engine.inference.placer import NoPlan, Placement, Placer, Size, best_of, placement_of, placers
from engine.inference.plans.problem import PlacementProblem


@placers.register
class Exhaustive(Placer):
    """Tries every placement and keeps the best: the yardstick of all other placers on small problems."""

    source: ClassVar[str] = "Enumeration"
    exact: ClassVar[bool] = True
    kind: Literal["exhaustive"] = "exhaustive"

    most: int = Field(default=100_000, ge=1, le=10_000_000)
    """Placements that it tries at most; a problem with more is refused. A hundred thousand take some seconds."""

    def effort(self, size: Size) -> float:
        """All placements; none where they are too many to begin with."""
        if size.placements is None:
            return float(min(size.nodes**size.pieces, self.most) * size.placement)
        return float((size.placements if size.placements <= self.most else 1) * size.placement)

    def find(self, problem: PlacementProblem) -> Placement:
        """Walks over all of them."""
        choices = [problem.allowed(piece) for piece in range(problem.num_pieces)]
        count = prod(map(len, choices))
        if count > self.most:
            raise NoPlan(
                f"there are {count:.3g} placements, tried are at most {self.most:,}",
                remedy="Choose another placer, fewer devices or larger pieces.",
            )
        best = best_of(problem, product(*choices))
        if best is None:
            raise NoPlan(f"none of the {count:,} placements keeps to the constraints")
        least, steps = problem.score(best).value(problem.objective), count * Size.of(problem).placement
        return placement_of(problem, best, f"the best of all {count:,} placements", bound=least, steps=steps)
