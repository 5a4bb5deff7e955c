"""When devices can take part: the family of availability kinds."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.component import Component
from engine.core.registry import Registry


class Availability(Component, ABC):
    """Says which devices of a group can be reached.

    A kind whose ``clock`` is ``round`` depends on the number of the round only, so a run that used it can be
    re-costed; one that depends on simulated time sets ``clock = "time"`` and ``reads_costs = True``.
    """

    clock: ClassVar[Literal["round", "time"]] = "round"
    kind: str

    @abstractmethod
    def reachable(self, members: NDArray[np.int64], round_number: int, seed: int) -> NDArray[np.bool_]:
        """Which devices can be reached in a round.

        Args:
            members: (M,) places within the group, from 0.
            round_number: number of the round, from 1.
            seed: seed of the run.

        Returns:
            (M,) true where the device can take part.
        """


availability: Registry[Availability] = Registry(
    "availability", "engine.fleet.availabilities", Availability, title="Availability"
)
"""All kinds of availability."""
