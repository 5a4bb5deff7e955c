"""Synchronous rounds."""

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.federated.scheduler import NOT_NEEDED, Called, Decision, RoundScheduler, dropping, schedulers


@schedulers.register
class Synchronous(RoundScheduler):
    """The server waits for its clients: for all of them, or for the first so many where it draws more than it needs."""

    source: ClassVar[str] = (
        "McMahan et al., AISTATS 2017, Algorithm 1; over-selection: Bonawitz et al., Towards Federated Learning at "
        "Scale, MLSys 2019, section 2.2"
    )
    kind: Literal["synchronous"] = "synchronous"
    """The server waits for its clients."""

    enough: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the round's clients whose updates are enough to close it, rounded up; 1 waits for all. Below 1 the
    sampler draws more than are needed and the slowest are dropped: 12 drawn and 0.75 close with the first 9."""

    @property
    def depends_on_costs(self) -> bool:
        """Who comes first is a matter of simulated time; waiting for all is not."""
        return self.enough < 1

    def decide(self, called: Called) -> Decision:
        """All, or the first; of those that arrive at the same moment the lower ids."""
        whole = called.sessions
        needed = math.ceil(round(self.enough * len(whole), 9))  # 0.07 * 100 is a little more than 7
        if needed == len(whole):
            return Decision(whole, {})
        times = called.measure(whole)
        first = np.argsort(times.sent, kind="stable")[:needed]
        first = first[np.isfinite(times.sent[first])]
        drops = np.ones(len(whole), dtype=np.bool_)
        drops[first] = False
        close_s = float(times.sent[first].max(initial=0.0))
        reasons = dict.fromkeys(whole.client[drops].tolist(), NOT_NEEDED)
        return Decision(dropping(whole, times, drops, close_s), reasons, length_s=close_s if len(first) else None)

    def check(self, cohort_size: int) -> list[Problem]:
        """Nothing can be wrong."""
        return []
