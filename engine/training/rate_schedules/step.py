"""A learning rate that falls in steps."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.training.rate_schedule import RateSchedule, rate_schedules


@rate_schedules.register
class StepRate(RateSchedule):
    """A learning rate that is multiplied by a factor every so many rounds."""

    source: ClassVar[str] = "He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 3.4"
    equation: ClassVar[str] = "η(t) = η · γ^⌊(t − 1) / s⌋"
    kind: Literal["step"] = "step"
    """A learning rate that falls in steps."""

    every_rounds: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Rounds from one step to the next."""

    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Factor of each step, dimensionless."""

    def factor(self, round_number: int) -> float:
        """The factor to the power of the steps so far."""
        return float(self.gamma ** ((round_number - 1) // self.every_rounds))
