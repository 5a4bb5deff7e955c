"""A learning rate that no schedule changes."""

from typing import ClassVar, Literal

from engine.training.rate_schedule import RateSchedule, rate_schedules


@rate_schedules.register
class ConstantRate(RateSchedule):
    """No schedule: the learning rate changes by ``lr_decay`` alone, which is the exponential schedule."""

    source: ClassVar[str] = "McMahan et al., Communication-Efficient Learning of Deep Networks, 2017, section 3"
    equation: ClassVar[str] = "η(t) = η"
    kind: Literal["constant"] = "constant"
    """A learning rate that no schedule changes."""

    def factor(self, round_number: int) -> float:
        """Always 1."""
        return 1.0
