"""The median of each coordinate."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.federated.aggregator import Aggregator, Rows, aggregators, by_columns


@aggregators.register
class Median(Aggregator):
    """The median of the updates, coordinate by coordinate; every client counts the same.

    With an even number of updates it is the mean of the two in the middle. O(m P) time. Fewer than half of the
    clients cannot move it out of the range of the others.
    """

    source: ClassVar[str] = (
        "Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018, Definition 1"
    )
    equation: ClassVar[str] = "u[j] = median of uₖ[j] over k"
    kind: Literal["median"] = "median"
    """The median of each coordinate."""

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        return by_columns(rows.values, middle)

    @override
    def tolerates(self, num_updates: int) -> int:
        return max(0, (num_updates - 1) // 2)


def middle(columns: np.ndarray) -> np.ndarray:
    """The median of each row of (c, m) values, which are sorted in place; what is not a number counts as largest."""
    columns.sort(axis=1)
    count = columns.shape[1]
    upper = columns[:, count // 2]
    if count % 2:
        return upper
    lower = columns[:, count // 2 - 1]
    result: np.ndarray = lower / 2 + upper / 2  # their sum could overflow
    return result
