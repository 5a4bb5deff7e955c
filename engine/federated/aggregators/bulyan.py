"""Krum's choice, then a mean around the median of each coordinate."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.aggregator import Rows, aggregators, by_columns
from engine.federated.robustness.distances import krum_order, squared_distances
from engine.federated.robustness.nearness import NearnessRule


@aggregators.register
class Bulyan(NearnessRule):
    """Krum chooses ``m - 2 f`` updates one after another; of these, per coordinate, the mean near the median is taken.

    That mean is over the ``m - 4 f`` values that lie nearest to the median of the coordinate. O(m^2 P) time for the
    distances and O(m^3) for the choice. It stands f attackers of at least 4 f + 3 clients, also those that change a
    single coordinate, which Krum overlooks among many. Of equal scores the client with the lowest id is chosen.
    (Flower chooses all m - 2 f by one scoring, which is not the paper's way; its older function is.)
    """

    source: ClassVar[str] = (
        "El Mhamdi et al., The Hidden Vulnerability of Distributed Learning in Byzantium, ICML 2018, section 4"
    )
    equation: ClassVar[str] = "u[j] = mean of the m − 4f values uₖ[j], k ∈ S, nearest to their median; |S| = m − 2f"
    title: ClassVar[str] = "Bulyan"
    crowd: ClassVar[int] = 4
    kind: Literal["bulyan"] = "bulyan"
    """Krum again and again, then a mean around the median."""

    num_malicious: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    """f, how many malicious clients a round may have; a round needs at least 4 f + 3 clients."""

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        count = len(rows.values)
        selected = krum_order(squared_distances(rows.values), self.num_malicious, count - 2 * self.num_malicious)
        kept = count - 4 * self.num_malicious
        return by_columns(rows.values, lambda columns: mean_near_median(columns, kept), selected)


def mean_near_median(columns: np.ndarray, count: int) -> np.ndarray:
    """Of each row of (c, m) values the mean of the ``count`` values nearest to its median; rows are sorted in place.

    Of two values equally far from the median, the smaller one counts.
    """
    columns.sort(axis=1)
    size = columns.shape[1]
    median = (columns[:, (size - 1) // 2] / 2 + columns[:, size // 2] / 2)[:, np.newaxis]
    windows = size - count + 1
    # the nearest values are neighbors once sorted: the window whose farther end is nearest to the median
    with np.errstate(invalid="ignore"):
        reach = np.maximum(median - columns[:, :windows], columns[:, count - 1 :] - median)
    reach[np.isnan(reach)] = np.inf
    first = np.argmin(reach, axis=1)[:, np.newaxis]
    near = np.take_along_axis(columns, first + np.arange(count), axis=1)
    result: np.ndarray = near.mean(axis=1, dtype=np.float64)
    return result
