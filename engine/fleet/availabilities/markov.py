"""Devices that fail and are repaired."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.core.streams import stream
from engine.fleet.availability import Availability, availability

Rounds = Annotated[float, Field(ge=1, le=1000)]


@availability.register
class Markov(Availability):
    """Devices that stay up and down for random spells, independent of each other: failure and repair.

    A device that is up goes down before the next round with probability 1 / mean_up, one that is down comes up with
    1 / mean_down. Before the first round it is up with the share mean_up / (mean_up + mean_down), so no round differs
    from another.
    """

    source: ClassVar[str] = "Two-state Markov chain: Gilbert, Capacity of a Burst-Noise Channel, BSTJ 39(5), 1960"
    kind: Literal["markov"] = "markov"

    mean_up: Rounds = 20.0
    """Rounds for which a device can be reached, on average."""

    mean_down: Rounds = 5.0
    """Rounds for which it cannot, on average."""

    def reachable(self, members: NDArray[np.int64], round_number: int, seed: int) -> NDArray[np.bool_]:
        """Those that are up.

        A draw either decides a device's state whatever it was before, or keeps or flips it. So the state follows from
        the last deciding draw, and rounds can be asked for in any order without a memory.
        """
        count = int(members.max(initial=-1)) + 1
        comes_up, stays_up = 1 / self.mean_down, 1 - 1 / self.mean_up
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
        first = stream(seed, "markov", 0).random(count)[open_] < self.mean_up / (self.mean_up + self.mean_down)
        is_up[open_] = first ^ is_flipped[open_]
        return is_up[members]
