"""The mean of the updates that lie closest to their neighbors."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.federated.aggregator import Rows, aggregators, by_columns
from engine.federated.robustness.distances import krum_scores, squared_distances
from engine.federated.robustness.nearness import NearnessRule


@aggregators.register
class MultiKrum(NearnessRule):
    """The plain mean of the updates with the best scores of Krum; every chosen client counts the same.

    O(m^2 P) time, by one matrix product. It stands f attackers of at least 2 f + 3 clients. (Flower weights the chosen
    ones by their examples; the paper does not.)
    """

    source: ClassVar[str] = (
        "Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NeurIPS 2017, "
        "section 5 (Multi-Krum)"
    )
    equation: ClassVar[str] = "u = mean of uₖ over those with the best scores of Krum"
    kind: Literal["multi_krum"] = "multi_krum"
    """The mean of the updates closest to their neighbors."""

    num_selected: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Updates whose mean is taken, at most all but f of a round; empty for all but f + 2."""

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        scores = krum_scores(squared_distances(rows.values), self.num_malicious)
        chosen = np.sort(np.argsort(scores, kind="stable")[: self._count(len(scores))])
        return by_columns(rows.values, lambda columns: columns.mean(axis=1, dtype=np.float64), chosen)

    @override
    def check(self, cohort_size: int) -> list[Problem]:
        small = super().check(cohort_size)
        most = cohort_size - self.num_malicious
        if small or self.num_selected is None or self.num_selected <= most:
            return small
        message = (
            f"of {cohort_size} clients per round with {self.num_malicious} malicious ones at most {most} can be "
            f"chosen, but num_selected is {self.num_selected}"
        )
        return [Problem("num_selected", "selects_too_many", message)]

    def _count(self, num_updates: int) -> int:
        """Updates chosen; fewer than set in a round in which not all arrived."""
        if self.num_selected is None:
            return num_updates - self.num_malicious - 2
        return min(self.num_selected, num_updates - self.num_malicious)
