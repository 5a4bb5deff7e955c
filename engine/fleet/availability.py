"""When devices can take part: the family of availability kinds."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.component import Component
from engine.core.registry import Registry

Clock = Literal["round", "time"]
"""What makes devices come and go: the number of the round, or simulated time."""


@dataclass(frozen=True)
class Moment:
    """When it is asked who can be reached.

    Attributes:
        round_number: number of the round, from 1.
        time_s: simulated time.
    """

    round_number: int
    time_s: float = 0.0


class Availability(Component, ABC):
    """Says which devices of a group can be reached.

    A kind that goes by the number of the round only leaves learning independent of simulated time, so that a run which
    used it can be re-costed; one that goes by simulated time says so (``is_timed``).
    """

    kind: str

    @property
    def is_timed(self) -> bool:
        """Whether it goes by simulated time."""
        return False

    @property
    def depends_on_costs(self) -> bool:
        """Whether learning depends on simulated time through it."""
        return self.reads_costs or self.is_timed

    @abstractmethod
    def reachable(self, members: NDArray[np.int64], moment: Moment, seed: int) -> NDArray[np.bool_]:
        """Which devices can be reached.

        Args:
            members: (M,) places within the group, from 0.
            moment: when it is asked; rounds and times may be asked for in any order.
            seed: seed of the run and the group.

        Returns:
            (M,) true where the device can take part.
        """


availability: Registry[Availability] = Registry(
    "availability", "engine.fleet.availabilities", Availability, title="Availability"
)
"""All kinds of availability."""
