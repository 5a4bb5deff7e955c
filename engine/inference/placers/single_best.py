"""Everything on one device, the best one."""

from typing import ClassVar, Literal

from engine.inference.cuts.pieces import SINK
from engine.inference.placer import NoPlan, Placement, Placer, Size, best_of, placement_of, placers
from engine.inference.plans.problem import PlacementProblem


@placers.register
class SingleBest(Placer):
    """The whole network on the one device that does best alone; what any division must beat.

    Pieces that must be at source or sink stay there.
    """

    source: ClassVar[str] = "Baseline: no division; enumeration of the devices"
    kind: Literal["single_best"] = "single_best"

    def effort(self, size: Size) -> float:
        """A placement for each node."""
        return (size.nodes + 1) * size.placement

    def find(self, problem: PlacementProblem) -> Placement:
        """Tries every node."""
        candidates = [alone(problem, node) for node in range(problem.prices.num_nodes)]
        best = best_of(problem, candidates)
        if best is None:
            broken = {text for at in candidates for text in problem.violations(problem.score(at))}
            raise NoPlan(f"no device can do it alone: {'; '.join(sorted(broken))}")
        return placement_of(problem, best, f"the best of {len(candidates)} devices alone")


def alone(problem: PlacementProblem, node: int) -> tuple[int, ...]:
    """All pieces on one node, but for those that are pinned."""
    pinned = [piece.pinned for piece in problem.pieces.pieces]
    return tuple(node if end is None else problem.sink if end == SINK else problem.source for end in pinned)
