"""The weighted mean of updates of bounded length."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.aggregator import Aggregator, Rows, aggregators, column_chunks
from engine.federated.aggregators.mean import weighted_sum


@aggregators.register
class NormBound(Aggregator):
    """The weighted mean of the updates after each is shortened to a bound: ``u_k / max(1, |u_k| / bound)``.

    O(m P) time. It takes from attackers the means to replace the model by one long update, but not their vote. An
    update that is not finite is left out.
    """

    source: ClassVar[str] = (
        "Sun et al., Can You Really Backdoor Federated Learning?, 2019 (arXiv 1911.07963), section 4"
    )
    equation: ClassVar[str] = "u = Σₖ pₖ uₖ / max(1, ‖uₖ‖ / M)"
    kind: Literal["norm_bound"] = "norm_bound"
    """The mean of updates of bounded length."""

    bound: Annotated[float, Field(gt=0, le=1e9)] = 1.0
    """Longest update in the L2 norm over all its values; about the length of an honest one."""

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        norms = row_norms(rows.values)
        usable = np.isfinite(norms)
        if not usable.any():
            return np.zeros(rows.values.shape[1], dtype=rows.values.dtype)
        places, weights = np.flatnonzero(usable), rows.weights[usable].astype(np.float64)
        shares = weights / weights.sum() / np.maximum(1.0, norms[usable] / self.bound)
        return weighted_sum(rows.values, shares, places)


def row_norms(values: np.ndarray) -> np.ndarray:
    """The L2 norm of each row of (m, P) values, summed in float64: (m,)."""
    squares = np.zeros(len(values))
    for columns in column_chunks(values):
        part = values[:, columns].astype(np.float64)
        squares += np.einsum("ij,ij->i", part, part)
    norms: np.ndarray = np.sqrt(squares)
    return norms
