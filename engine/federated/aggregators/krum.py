"""The update that lies closest to its neighbors."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.federated.aggregator import Rows, aggregators
from engine.federated.robustness.distances import krum_scores, squared_distances
from engine.federated.robustness.nearness import NearnessRule


@aggregators.register
class Krum(NearnessRule):
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

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        best = int(np.argmin(krum_scores(squared_distances(rows.values), self.num_malicious)))
        chosen: np.ndarray = rows.values[best].copy()
        return chosen
