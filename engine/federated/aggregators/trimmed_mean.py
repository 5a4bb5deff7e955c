"""The mean of each coordinate without its extremes."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.federated.aggregator import Aggregator, Rows, aggregators, by_columns


@aggregators.register
class TrimmedMean(Aggregator):
    """The mean of each coordinate without its largest and its smallest values; every client counts the same.

    Of m updates the ``floor(share * m)`` largest and as many smallest values are left out. O(m log m P) time. It stands
    as many attackers as it leaves out on one side.
    """

    source: ClassVar[str] = (
        "Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018, Definition 2"
    )
    equation: ClassVar[str] = "u[j] = mean of uₖ[j] over k, without the ⌊βm⌋ smallest and largest"
    kind: Literal["trimmed_mean"] = "trimmed_mean"
    """The mean without the extremes of each coordinate."""

    share: Annotated[float, Field(ge=0, lt=0.5)] = 0.2
    """Share of the updates left out at each end; at least the share of malicious clients, below one half."""

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        cut = self.tolerates(len(rows.values))

        def inner(columns: np.ndarray) -> np.ndarray:
            columns.sort(axis=1)
            kept: np.ndarray = columns[:, cut : columns.shape[1] - cut].mean(axis=1, dtype=np.float64)
            return kept

        return by_columns(rows.values, inner)

    @override
    def tolerates(self, num_updates: int) -> int:
        return int(self.share * num_updates + 1e-9)  # 0.29 of 100 is 28.999999999999996 in float64

    @override
    def check(self, cohort_size: int) -> list[Problem]:
        if not self.share or self.tolerates(cohort_size):
            return []
        message = (
            f"a share of {self.share:g} of {cohort_size} clients per round leaves out nobody; take at least "
            f"{1 / cohort_size:.3g}, or 0 for the plain mean"
        )
        return [Problem("share", "trims_nothing", message)]
