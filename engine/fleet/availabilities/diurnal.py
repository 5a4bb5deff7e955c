"""Devices that come and go with the time of day."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from engine.core.streams import stream
from engine.core.units import Fraction
from engine.fleet.availability import Availability, Clock, Moment, availability

ROUNDS, DAY_S = 24.0, 86_400.0
"""Length of a day by either clock, unless it is set."""

HOURS = 24
"""Times a day that chance decides anew about each device, if the clock is time."""


@availability.register
class Diurnal(Availability):
    """Devices that can be reached with a probability that swings between day and night.

    At time t it is least + (most - least) (1 + cos(2 pi (t / period - shift))) / 2, where each device has its own shift
    between 0 and ``spread``; every device is drawn for itself, each round or 24 times a day.
    """

    source: ClassVar[str] = (
        "Bonawitz et al., Towards Federated Learning at Scale, MLSys 2019, section 9 (four times as many at night)"
    )
    kind: Literal["diurnal"] = "diurnal"

    clock: Clock = "round"
    """Whether a day is so many rounds or so many seconds of simulated time; runs by time cannot be re-costed."""

    period: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Rounds or seconds that make up a day; if left out, 24 rounds or 86,400 seconds."""

    most: Fraction = 0.8
    """Greatest probability that a device can be reached."""

    least: Fraction = 0.2
    """Least probability that a device can be reached; may be above the greatest, which only moves the day."""

    spread: Fraction = 0.0
    """Share of a day over which the devices' clocks are spread: 0 is one time zone, 1 all around the world."""

    @property
    @override
    def is_timed(self) -> bool:
        return self.clock == "time"

    @override
    def reachable(self, members: NDArray[np.int64], moment: Moment, seed: int) -> NDArray[np.bool_]:
        """Those whose draw falls below the probability of their time of day."""
        count = int(members.max(initial=-1)) + 1
        day = (DAY_S if self.is_timed else ROUNDS) if self.period is None else self.period
        now = moment.time_s if self.is_timed else moment.round_number
        shift = self.spread * stream(seed, "diurnal", "shift").random(count)[members]
        height = (1 + np.cos(2 * np.pi * (now / day - shift))) / 2
        turn = int(HOURS * now / day) if self.is_timed else moment.round_number
        draw = stream(seed, "diurnal", turn).random(count)[members]
        return np.asarray(draw < self.least + (self.most - self.least) * height, dtype=np.bool_)
