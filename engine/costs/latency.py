"""How long a message takes, as a distribution: percentiles where the closed form knows only the mean."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Distribution:
    """Times of one message, drawn again and again.

    Attributes:
        samples_s: (S,) seconds, ascending.
        is_sampled: whether loss was followed segment by segment; else all samples are the closed form's mean.
    """

    samples_s: Floats
    is_sampled: bool

    @property
    def mean_s(self) -> float:
        """The mean."""
        return float(self.samples_s.mean())

    def quantile_s(self, share: float) -> float:
        """The time within which that share of messages arrives: 0.5 is the median, 0.95 the 95th percentile."""
        return float(np.quantile(self.samples_s, share))


def latency(
    model: CostModel,
    device: int,
    payload: int,
    *,
    up: bool = True,
    new_connection: bool = False,
    samples: int = 200,
    seed: int = 0,
) -> Distribution:
    """The distribution of the time of a message between a device and the server, alone on its way.

    Args:
        model: fleet and network.
        device: number of the device.
        payload: bytes without headers.
        up: towards the server, or from it.
        new_connection: whether the radio wakes and a connection is opened first.
        samples: how often to draw.
        seed: of the stream that is drawn from.
    """
    builder = TraceBuilder()
    ends = (device, SERVER) if up else (SERVER, device)
    builder.send(*ends, payload, new_connection=new_connection)
    spread = model.spread(builder.build(), samples=samples, seed=seed)
    return Distribution(np.sort(spread.rounds_s[:, 0]), spread.followed != "nothing")
