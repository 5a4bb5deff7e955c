"""The contract of a schedule of the local learning rate over rounds."""

from abc import abstractmethod

from engine.core.component import Component
from engine.core.registry import Registry


class RateSchedule(Component):
    """How the local learning rate changes from round to round, beside ``lr_decay`` and the warm-up."""

    @abstractmethod
    def factor(self, round_number: int) -> float:
        """Factor on the learning rate in a round, rounds counted from 1."""


rate_schedules: Registry[RateSchedule] = Registry(
    "rate_schedules", "engine.training.rate_schedules", RateSchedule, title="Learning rate schedule"
)
"""All schedules of the learning rate by kind."""
