"""The weighted mean."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.federated.aggregator import Aggregator, Rows, aggregators, column_chunks


@aggregators.register
class Mean(Aggregator):
    """The mean of the updates, weighted by the clients' samples: ``sum_k n_k u_k / sum_k n_k``.

    O(m P) time. It stands no attack: one client can move the result anywhere.
    """

    is_linear: ClassVar[bool] = True
    source: ClassVar[str] = (
        "McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017, "
        "Algorithm 1"
    )
    equation: ClassVar[str] = "u = Σₖ nₖ uₖ / Σₖ nₖ"
    kind: Literal["mean"] = "mean"
    """The weighted mean of federated averaging."""

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        return weighted_mean(rows.values, rows.weights)


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``sum_k w_k v_k / sum_k w_k`` over the rows of (m, P) values, summed in float64: (P,) in their type."""
    return weighted_sum(values, weights.astype(np.float64) / weights.sum(dtype=np.float64))


def weighted_sum(values: np.ndarray, factors: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
    """``sum_k f_k v_k`` over the rows of (m, P) values, or over those chosen, summed in float64: (P,) in their type."""
    result = np.empty(values.shape[1], dtype=values.dtype)
    for columns in column_chunks(values):
        part = values[:, columns] if chosen is None else values[chosen, columns]
        result[columns] = factors @ part.astype(np.float64)
    return result
