"""The segments that messages cross, priced by kind of message and looked up when needed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.accounts import only

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Legs:
    """The segments of M messages, S each; a message with fewer crosses the rest in no time.

    Attributes:
        channel: (M, S) for which channel the message waits, -1 for none; channels of different rounds differ.
        num_channels: greater than every channel.
        kind: (M,) the kind of each message.
        prices: ``before``, ``service``, ``after`` -> (S, V) seconds by segment and kind: from the start of the
            segment to its channel, of occupying the channel, and from there to the end of the segment; ``fair`` is 1
            where messages share the channel, in place of taking turns.
    """

    channel: Ints
    num_channels: int
    kind: NDArray[np.int32]
    prices: Mapping[str, Floats]

    @property
    def num_legs(self) -> int:
        """Segments of the longest route."""
        return int(self.channel.shape[1])

    def column(self, name: str, rows: Ints | slice, leg: int) -> Floats:
        """(m,) seconds of the chosen messages on one of their segments, or one number for all of them."""
        prices: Floats = self.prices[name][leg]
        return np.asarray(prices.take(only(self.kind[rows])))
