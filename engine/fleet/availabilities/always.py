"""Devices that can always take part."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from engine.fleet.availability import Availability, Moment, availability


@availability.register
class Always(Availability):
    """Every device can be reached in every round."""

    source: ClassVar[str] = (
        "McMahan et al., Communication-Efficient Learning of Deep Networks, AISTATS 2017, Algorithm 1"
    )
    kind: Literal["always"] = "always"

    def reachable(self, members: NDArray[np.int64], moment: Moment, seed: int) -> NDArray[np.bool_]:
        """All of them."""
        return np.ones(len(members), dtype=np.bool_)
