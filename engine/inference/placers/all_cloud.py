"""Everything in the cloud."""

from typing import ClassVar, Literal

from engine.inference.placer import NoPlan, Placement, Placer, Size, placement_of, placers
from engine.inference.placers.single_best import alone
from engine.inference.plans.problem import PlacementProblem


@placers.register
class AllCloud(Placer):
    """The whole network in the cloud: inputs go up, answers come down."""

    source: ClassVar[str] = "Kang et al., Neurosurgeon, ASPLOS 2017, section 3 (status quo: cloud-only processing)"
    kind: Literal["all_cloud"] = "all_cloud"

    def effort(self, size: Size) -> float:
        """One placement."""
        return size.placement

    def find(self, problem: PlacementProblem) -> Placement:
        """All pieces on the cloud's node."""
        if problem.cloud is None:
            raise NoPlan("there is no cloud", remedy="Name the group of devices that is the cloud.")
        return placement_of(problem, alone(problem, problem.cloud), "everything in the cloud")
