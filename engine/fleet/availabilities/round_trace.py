"""Devices that come and go by a list of rounds."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StringConstraints

from engine.fleet.availability import Availability, Moment, availability


@availability.register
class RoundTrace(Availability):
    """Devices follow written patterns of rounds in which they can be reached.

    Device k of the group follows pattern k modulo the number of patterns; a pattern starts again after its last round.
    """

    source: ClassVar[str] = (
        "Trace-driven availability as in Lai et al., FedScale, ICML 2022, section 3, with rounds as the clock"
    )
    kind: Literal["round_trace"] = "round_trace"

    patterns: tuple[Annotated[str, StringConstraints(pattern="^[01]{1,10000}$")], ...] = Field(
        default=("1",), min_length=1, max_length=10_000
    )
    """One text per pattern with a digit for each round: 1 if the device can be reached, 0 if not."""

    def reachable(self, members: NDArray[np.int64], moment: Moment, seed: int) -> NDArray[np.bool_]:
        """Those whose pattern has a 1 in that round."""
        present = np.array([text[(moment.round_number - 1) % len(text)] == "1" for text in self.patterns])
        return np.asarray(present[members % len(self.patterns)], dtype=np.bool_)
