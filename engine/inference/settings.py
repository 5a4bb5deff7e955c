"""What can be set of a distributed inference besides its members: rules of the plan, and what failures bring."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.component import Component
from engine.core.units import Unit
from engine.fleet.group import GroupName
from engine.inference.plans.problem import Constraints

Availability = Annotated[float, Field(gt=0, le=1)]


class PlanRules(Component):
    """What a plan must keep to besides the memory of each device."""

    source: ClassVar[str] = "This platform: docs/reference/inference.md"

    deadline_s: Annotated[float, Field(gt=0, le=86_400), Unit("s")] | None = None
    """The longest time of one inference; empty for none."""

    battery_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of its battery that a device may spend on all requests together."""

    def constraints(self, num_requests: int) -> Constraints:
        """The rules for so many requests."""
        return Constraints(math.inf if self.deadline_s is None else self.deadline_s, self.battery_share, num_requests)


class FailureSettings(Component):
    """Which devices may fail, and what is done about it."""

    source: ClassVar[str] = (
        "RoCoIn: replicated students in groups of devices, arXiv 2406.14185; A. Yousefpour et al., Guardians of the "
        "Deep Fog, 2019, arXiv 1909.00995 (probability of physical nodes)"
    )

    availability: Availability = 0.99
    """Probability that a device is there when it is needed, each independently of the others. The one that asks and the
    one that wants the answer are."""

    by_group: dict[GroupName, Availability] = Field(default_factory=dict)
    """Groups of the fleet with a probability of their own, by name."""

    most_lost: Annotated[int, Field(ge=0, le=8)] = 2
    """Every loss of up to so many devices of the plan is tried; 0 tries none."""

    most_sets: Annotated[int, Field(ge=1, le=100_000)] = 300
    """Bound of the sets of lost devices that are tried; of more a sample is drawn, and the table says so."""

    timeout_s: Annotated[float, Field(ge=0, le=3600), Unit("s")] = 1.0
    """After which a device that does not answer is given up."""

    standbys: Annotated[int, Field(ge=0, le=3)] = 0
    """Further devices that hold the same weights for each device of the plan, as far as memory allows; they take over
    when it is lost."""

    standby_by: Literal["latency", "availability"] = "latency"
    """Which devices stand by: those with which an inference is fastest after they take over (latency), or those that
    are most likely to be there, of equal ones the fastest (availability)."""

    group_availability: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Probability that one of the devices that hold the same weights is there, from which on no further one stands by;
    empty for as many as standbys says in any case."""

    renew: bool = True
    """Whether a new plan is made for the devices that are left where nobody takes over; weights then come from the
    server."""

    plan_for: Literal["normal", "worst_case"] = "normal"
    """Whether the plan is the placer's choice, or among it, the trivial plans and those without one of its devices the
    one whose worst loss is least bad."""


class VerificationSettings(Component):
    """How it is shown that the pieces together compute what the whole network does."""

    source: ClassVar[str] = "This platform: docs/reference/inference.md"

    num_samples: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Test samples that are run piece by piece and through the whole network."""
