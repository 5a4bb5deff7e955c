"""Times as distributions: what percentiles of rounds and messages are, where the closed form knows only the mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Followed = Literal["packets", "messages", "nothing"]
"""What chance was followed for."""

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
"""Percentiles by name."""


@dataclass(frozen=True)
class Spread:
    """Times in S drawings of chance.

    Attributes:
        rounds_s: (S, R) seconds of each written round.
        repeats: (R,) how many times each round takes place.
        messages_s: seconds of messages by phase, waiting in line included, ascending; of many messages a part.
        followed: what chance was followed for: ``packets`` of the whole trace; single ``messages``, alone on their way,
            from which the lines that they wait in are drawn; or ``nothing``, where messages are too long for that and
            take their expected time.
    """

    rounds_s: Floats
    repeats: NDArray[np.int64]
    messages_s: Mapping[str, Floats]
    followed: Followed

    def quantiles(self) -> dict[str, object]:
        """Mean and percentiles of a round's time, of each phase's messages, and of the whole, as plain data."""
        weights = np.broadcast_to(self.repeats, self.rounds_s.shape).reshape(-1)
        return {
            "samples": len(self.rounds_s),
            "followed": self.followed,
            "round_s": _summary(self.rounds_s.reshape(-1), weights),
            "message_s": {phase: _summary(times) for phase, times in self.messages_s.items()},
            "total_s": _summary(self.totals_s()),
        }

    def totals_s(self) -> Floats:
        """(S,) seconds of all rounds together; a round that takes place n times is drawn n times."""
        count = len(self.rounds_s)
        if not self.rounds_s.size:
            return np.zeros(count)
        totals = np.zeros(count)
        draw = np.random.Generator(np.random.PCG64(0))
        for column, repeats in zip(self.rounds_s.T, self.repeats.tolist(), strict=True):
            if repeats == 1:
                totals += column  # what happened in one drawing stays together
            else:
                totals += draw.multinomial(repeats, np.full(count, 1 / count), size=count) @ column
        return totals


def _summary(values: Floats, weights: NDArray[np.int64] | None = None) -> dict[str, float]:
    """Mean and percentiles, weighted by how often each value counts."""
    if not len(values):
        return dict.fromkeys((*SHARES, "mean"), 0.0)
    weights = np.ones(len(values), dtype=np.int64) if weights is None else weights
    if weights.min() == weights.max():
        found = {name: float(np.quantile(values, share)) for name, share in SHARES.items()}
        return found | {"mean": float(values.mean())}
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    places = np.minimum(np.searchsorted(reached, list(SHARES.values())), len(values) - 1)
    found = dict(zip(SHARES, values[order][places].tolist(), strict=True))
    return found | {"mean": float(np.average(values, weights=weights))}
