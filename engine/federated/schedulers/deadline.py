"""Rounds with a deadline."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.core.units import Unit
from engine.federated.scheduler import LATE, Called, Decision, RoundScheduler, dropping, schedulers
from engine.federated.sessions import Sessions, samples_in


@schedulers.register
class Deadline(RoundScheduler):
    """Rounds that are over at a deadline, or before if all have come.

    Who would come too late is dropped, and what it spent until the deadline is booked; or it does only as many local
    steps as fit.
    """

    source: ClassVar[str] = (
        "Nishio and Yonetani, Client Selection for Federated Learning with Heterogeneous Resources, ICC 2019, section "
        "III; partial work: T. Li et al., Federated Optimization in Heterogeneous Networks, MLSys 2020, section 3.2"
    )
    reads_costs: ClassVar[bool] = True
    kind: Literal["deadline"] = "deadline"
    """Rounds that are over at a deadline."""

    deadline_s: Annotated[float, Field(gt=0, le=1e9), Unit("s")] = 60.0
    """Simulated time from the start of a round to its end at the latest."""

    late: Literal["drop", "partial"] = "drop"
    """What becomes of clients that would be late: they are dropped, or they do as many local steps as fit (partial), at
    least one; those for which not even one fits are dropped."""

    def decide(self, called: Called) -> Decision:
        """Late clients are dropped or do part of their work."""
        sessions = called.sessions
        times = called.measure(sessions)
        is_late = times.sent > self.deadline_s
        can_hurry = is_late & np.isfinite(times.sent)
        if self.late == "partial" and can_hurry.any():
            sessions = self._partial(called, can_hurry)
            times = called.measure(sessions)
            is_late = times.sent > self.deadline_s
        reasons = dict.fromkeys(sessions.client[is_late].tolist(), LATE)
        length_s = self.deadline_s if is_late.any() else None
        return Decision(dropping(sessions, times, is_late, self.deadline_s), reasons, length_s)

    def _partial(self, called: Called, is_late: np.ndarray) -> Sessions:
        """As many steps as fit: the time of training grows by the same for each further step."""
        whole = called.sessions
        one = np.ones_like(whole.steps)
        least = replace(whole, steps=one, samples=samples_in(one, called.sizes, called.batch_size))
        full_s, one_s = (called.measure(sessions) for sessions in (whole, least))
        spare_s = np.where(np.isfinite(one_s.sent), self.deadline_s - one_s.sent, 0.0)
        more_s = (full_s.trained - full_s.received) - (one_s.trained - one_s.received)
        further = np.divide(spare_s * (whole.steps - 1), more_s, out=np.zeros(len(whole)), where=more_s > 0)
        steps = np.where(is_late, 1 + np.clip(np.floor(further), 0, whole.steps - 1), whole.steps).astype(np.int64)
        samples = samples_in(steps, called.sizes, called.batch_size)
        return whole.with_steps(steps, samples)

    def check(self, cohort_size: int) -> list[Problem]:
        """Nothing can be wrong with a deadline itself; a round in which nobody is in time changes nothing."""
        return []
