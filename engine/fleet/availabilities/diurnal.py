"""Devices that come and go with the time of day."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.core.streams import stream
from engine.core.units import Fraction
from engine.fleet.availability import Availability, availability


@availability.register
class Diurnal(Availability):
    """Devices that can be reached with a probability that swings between day and night, counted in rounds.

    In round r it is least + (most - least) (1 + cos(2 pi (r / period - shift))) / 2, where each device has its own
    shift between 0 and ``spread``; every device and round is drawn for itself.
    """

    source: ClassVar[str] = (
        "Bonawitz et al., Towards Federated Learning at Scale, MLSys 2019, section 9 (four times as many at night)"
    )
    kind: Literal["diurnal"] = "diurnal"

    period: Annotated[float, Field(gt=0, le=1e6)] = 24.0
    """Rounds that make up a day."""

    most: Fraction = 0.8
    """Greatest probability that a device can be reached."""

    least: Fraction = 0.2
    """Least probability that a device can be reached; may be above the greatest, which only moves the day."""

    spread: Fraction = 0.0
    """Share of a day over which the devices' clocks are spread: 0 is one time zone, 1 all around the world."""

    def reachable(self, members: NDArray[np.int64], round_number: int, seed: int) -> NDArray[np.bool_]:
        """Those whose draw of this round falls below the probability of their time of day."""
        count = int(members.max(initial=-1)) + 1
        shift = self.spread * stream(seed, "diurnal", "shift").random(count)[members]
        height = (1 + np.cos(2 * np.pi * (round_number / self.period - shift))) / 2
        draw = stream(seed, "diurnal", round_number).random(count)[members]
        return np.asarray(draw < self.least + (self.most - self.least) * height, dtype=np.bool_)
