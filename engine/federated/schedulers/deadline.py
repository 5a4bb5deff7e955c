"""Rounds with a deadline."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.core.units import Unit
from engine.federated.rounds.sessions import Ints, Sessions, samples_in
from engine.federated.scheduler import LATE, Called, Decision, RoundScheduler, dropping, schedulers


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
        """Late clients with as many steps as fit, found by halving: an epoch's steps are not all as long."""
        whole = called.sessions
        least = np.where(is_late, 1, whole.steps)
        most = whole.steps.copy()
        while np.any(open_ := least < most):
            middle = np.where(open_, (least + most + 1) // 2, least)
            fits = called.measure(_with_steps(called, middle)).sent <= self.deadline_s
            least = np.where(open_ & fits, middle, least)
            most = np.where(open_ & ~fits, middle - 1, most)
        return _with_steps(called, least)

    def check(self, cohort_size: int) -> list[Problem]:
        """Nothing can be wrong with a deadline itself; a round in which nobody is in time changes nothing."""
        return []


def _with_steps(called: Called, steps: Ints) -> Sessions:
    return called.sessions.with_steps(steps, samples_in(steps, called.sizes, called.batch_size))
