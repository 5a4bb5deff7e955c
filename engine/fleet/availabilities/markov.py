"""Devices that fail and are repaired."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from engine.core.streams import stream
from engine.fleet.availability import Availability, Clock, Moment, availability
from engine.fleet.spells import is_up_at

Mean = Annotated[float, Field(ge=1, le=1e9)]

MOST_ROUNDS = 1000.0
"""Longest mean spell in rounds: a state is found by looking back as long as it may last."""

ROUNDS: tuple[float, float] = (20.0, 5.0)
SECONDS: tuple[float, float] = (604_800.0, 21_600.0)
"""Mean time up and down by either clock, unless they are set: seconds are a week and a quarter of a day."""


@availability.register
class Markov(Availability):
    """Devices that stay up and down for random spells, independent of each other: failure and repair.

    By rounds, a device that is up goes down before the next one with probability 1 / mean_up, one that is down comes up
    with 1 / mean_down. By time, spells are exponential, mean_up and mean_down being the mean times between failures and
    to repair. At the start a device is up with the share mean_up / (mean_up + mean_down), as at any other time. Who is
    up when a round starts stays until it ends.
    """

    source: ClassVar[str] = "Two-state Markov chain: Gilbert, Capacity of a Burst-Noise Channel, BSTJ 39(5), 1960"
    kind: Literal["markov"] = "markov"

    clock: Clock = "round"
    """Whether spells are counted in rounds or in seconds of simulated time; runs by time cannot be re-costed."""

    mean_up: Mean | None = None
    """Rounds or seconds for which a device can be reached, on average (mean time between failures); if left out, 20
    rounds or 604,800 seconds. At most 1,000 rounds."""

    mean_down: Mean | None = None
    """Rounds or seconds for which it cannot, on average (mean time to repair); if left out, 5 rounds or 21,600 seconds.
    At most 1,000 rounds."""

    @model_validator(mode="after")
    def _check(self) -> "Markov":
        if not self.is_timed and max(self.means()) > MOST_ROUNDS:
            raise PydanticCustomError(
                "too_many_rounds",
                "Spells last at most {most} rounds on average; given: {given}",
                {"most": int(MOST_ROUNDS), "given": max(self.means())},
            )
        return self

    def means(self) -> tuple[float, float]:
        """Mean time up and down, in rounds or seconds."""
        up, down = SECONDS if self.is_timed else ROUNDS
        return (up if self.mean_up is None else self.mean_up, down if self.mean_down is None else self.mean_down)

    @property
    @override
    def is_timed(self) -> bool:
        return self.clock == "time"

    @override
    def reachable(self, members: NDArray[np.int64], moment: Moment, seed: int) -> NDArray[np.bool_]:
        """Those that are up."""
        up, down = self.means()
        if self.is_timed:
            return is_up_at(moment.time_s, members, up, down, seed=seed)
        return _is_up_in(moment.round_number, members, (up, down), seed)


def _is_up_in(
    round_number: int, members: NDArray[np.int64], means: tuple[float, float], seed: int
) -> NDArray[np.bool_]:
    """Which devices are up in a round.

    A draw either decides a device's state whatever it was before, or keeps or flips it. So the state follows from
    the last deciding draw, and rounds can be asked for in any order without a memory.
    """
    mean_up, mean_down = means
    count = int(members.max(initial=-1)) + 1
    comes_up, stays_up = 1 / mean_down, 1 - 1 / mean_up
    low, high = min(comes_up, stays_up), max(comes_up, stays_up)
    flips = comes_up > stays_up
    is_up, is_flipped = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    open_ = np.arange(count)
    for number in range(round_number, 0, -1):
        draw = stream(seed, "markov", number).random(count)[open_]
        decided = (draw < low) | (draw >= high)
        is_up[open_[decided]] = (draw[decided] < low) ^ is_flipped[open_[decided]]
        open_ = open_[~decided]
        if not len(open_):
            break
        is_flipped[open_] ^= flips
    first = stream(seed, "markov", 0).random(count)[open_] < mean_up / (mean_up + mean_down)
    is_up[open_] = first ^ is_flipped[open_]
    return is_up[members]
