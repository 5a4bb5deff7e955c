"""A learning rate that falls along half a cosine."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.training.rate_schedule import RateSchedule, rate_schedules


@rate_schedules.register
class CosineRate(RateSchedule):
    """A learning rate that falls along half a cosine and then stays at its floor."""

    source: ClassVar[str] = "Loshchilov, Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017, eq. 5"
    equation: ClassVar[str] = "η(t) = η (f + (1 − f) (1 + cos(π (t − 1) / T)) / 2)"
    kind: Literal["cosine"] = "cosine"
    """A learning rate that falls along half a cosine."""

    over_rounds: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Rounds until the floor is reached (T); usually all rounds of the task."""

    floor: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Share of the learning rate that is left at the end (f)."""

    def factor(self, round_number: int) -> float:
        """Between 1 in the first round and the floor."""
        done = min(1.0, (round_number - 1) / self.over_rounds)
        return self.floor + (1.0 - self.floor) * (1.0 + math.cos(math.pi * done)) / 2.0
