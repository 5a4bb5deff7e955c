"""The update that lies closest to its neighbors."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.federated.aggregator import Aggregator, Rows, aggregators, too_few
from engine.federated.distances import krum_scores, squared_distances


@aggregators.register
class Krum(Aggregator):
    """One of the updates: the one with the smallest sum of squared distances to its ``m - f - 2`` nearest others.

    O(m^2 P) time, by one matrix product. It stands f attackers of at least 2 f + 3 clients, and throws away what all
    clients but one have learned.
    """

    source: ClassVar[str] = (
        "Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NeurIPS 2017, "
        "section 4"
    )
    equation: ClassVar[str] = "u = uₖ with the smallest Σᵢ ‖uₖ − uᵢ‖² over its m − f − 2 nearest i"
    kind: Literal["krum"] = "krum"
    """The single update closest to its neighbors."""

    num_malicious: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    """f, how many malicious clients a round may have; a round needs at least 2 f + 3 clients."""

    @property
    @override
    def least_updates(self) -> int:
        return 2 * self.num_malicious + 3

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        best = int(np.argmin(krum_scores(squared_distances(rows.values), self.num_malicious)))
        chosen: np.ndarray = rows.values[best].copy()
        return chosen

    @override
    def tolerates(self, num_updates: int) -> int:
        return self.num_malicious

    @override
    def check(self, cohort_size: int) -> list[Problem]:
        return too_few("num_malicious", self.least_updates, krum_needs(self.num_malicious), cohort_size)


def krum_needs(num_malicious: int) -> str:
    """Why Krum needs so many clients."""
    return f"Krum stands f malicious clients of at least 2 f + 3, and num_malicious is {num_malicious}"
