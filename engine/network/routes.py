"""Routes as columns: which links a message crosses, where it waits for a channel, and where it is stored on the way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_MEDIUM = -1
"""A segment on which nobody else sends."""


@dataclass(frozen=True)
class Hop:
    """One link crossed in one direction.

    Attributes:
        link: place of the link in the network's table.
        up: whether it goes towards the server.
        device_sends: whether the sending end is a device of the fleet, which then pays the radio's energy.
        device_receives: whether the receiving end is.
    """

    link: int
    up: bool
    device_sends: bool = False
    device_receives: bool = False


@dataclass(frozen=True)
class Segment:
    """Hops that a message crosses packet by packet (cut-through); at the end of a segment it is stored whole.

    Attributes:
        hops: the links in order.
        queued: place of the hop whose channel the message may have to wait for; -1 if none.
    """

    hops: tuple[Hop, ...]
    queued: int = -1


Pattern = tuple[Segment, ...]
"""The segments of a route, without saying which channel each uses: few patterns serve millions of routes."""


@dataclass(frozen=True)
class Routes:
    """The routes of M messages.

    Attributes:
        pattern: (M,) place in the network's patterns.
        media: (M, S) number of the channel that each segment waits for, or ``NO_MEDIUM``; S is the longest pattern.
    """

    pattern: NDArray[np.int32]
    media: NDArray[np.int32]
