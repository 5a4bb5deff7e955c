"""Which of a design's plans is best in one place, as a sweep of links or numbers of devices asks at each point."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from engine.core.errors import SpecError
from engine.core.json import JsonValue
from engine.inference.plans.planning import CHOSEN
from engine.inference.plans.proposals import EDITED, Proposal, Proposals, evaluated

TIE = 1e-6
"""Relative difference below which two plans are as good as each other; then the simpler one wins."""

SIMPLEST_FIRST = ("all_cloud", "single_best", "teacher", CHOSEN, EDITED)
"""Plans from the simplest to the least simple."""


@dataclass(frozen=True)
class Contest:
    """The plans at one point of a sweep.

    Attributes:
        winner: name of the best one that breaks no rule; None if each breaks one.
        plans: all that there are, by name.
    """

    winner: str | None
    plans: Mapping[str, Proposal]

    @property
    def num_devices(self) -> int:
        """How many devices compute in the best plan; 0 without one."""
        return len(set(self.plans[self.winner].plan.at)) if self.winner else 0

    def as_json(self) -> dict[str, JsonValue]:
        """Winner, and of each plan latency, value of the objective and whether it breaks a rule."""
        plans: dict[str, JsonValue] = {
            name: {
                "latency_s": one.plan.latency_s,
                "value": one.value if math.isfinite(one.value) else None,
                "num_devices": len(set(one.plan.at)),
                "is_allowed": not one.violations,
            }
            for name, one in self.plans.items()
        }
        return {"winner": self.winner, "num_devices": self.num_devices, "plans": plans}


def contest(proposals: Proposals, assignment: Mapping[str, int] | None = None) -> Contest:
    """The best of a design's plans by its objective.

    Args:
        proposals: of the design.
        assignment: a plan by hand that takes part, where its devices are there.
    """
    plans = {one.name: one for one in proposals.plans}
    if assignment is not None:
        with suppress(SpecError):  # a device of it is not there where there are so few: then it takes no part
            plans[EDITED] = evaluated(proposals, assignment)
    return Contest(_best(proposals, plans), plans)


def _best(proposals: Proposals, plans: Mapping[str, Proposal]) -> str | None:
    is_latency = proposals.planning.task.objective == "latency"
    values = {
        name: plans[name].plan.latency_s if is_latency else plans[name].value
        for name in SIMPLEST_FIRST
        if name in plans and not plans[name].violations
    }
    least = min(values.values(), default=math.inf)
    return next((name for name, value in values.items() if value <= least * (1 + TIE)), None)
