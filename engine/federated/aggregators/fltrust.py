"""Trust by likeness to an update that the server trained itself."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.aggregator import Aggregator, Rows, aggregators, column_chunks
from engine.federated.aggregators.mean import weighted_sum
from engine.federated.aggregators.norm_bound import row_norms


@aggregators.register
class FlTrust(Aggregator):
    """Every update counts as much as it points where the server's own update points, at the length of the server's.

    The server trains in every round as the clients do, on a few samples of its own. With ``u_0`` its update and
    ``t_k = max(0, cos(u_k, u_0))``, the result is ``sum_k t_k |u_0| / |u_k| u_k / sum_k t_k``, or zero if nobody is
    trusted. O(m P) time. It stands any number of attackers as long as the server's samples are good.
    """

    needs_trusted: ClassVar[bool] = True
    source: ClassVar[str] = (
        "Cao et al., FLTrust: Byzantine-robust Federated Learning via Trust Bootstrapping, NDSS 2021, equations 2 to 4"
    )
    equation: ClassVar[str] = "u = Σₖ tₖ (‖u₀‖ / ‖uₖ‖) uₖ / Σₖ tₖ, tₖ = max(0, cos(uₖ, u₀))"
    kind: Literal["fltrust"] = "fltrust"
    """Trust by likeness to the server's own update."""

    root_samples: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Samples that the server holds itself, drawn once from all training samples; no client loses any."""

    @property
    @override
    def trusted_samples(self) -> int:
        return self.root_samples

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        if rows.trusted is None:
            raise ValueError("fltrust needs the server's own update")
        with np.errstate(invalid="ignore", divide="ignore"):
            norms, own = row_norms(rows.values), float(np.linalg.norm(rows.trusted.astype(np.float64)))
            trust = np.maximum(0.0, _dots(rows.values, rows.trusted) / (norms * own))
        believed = np.flatnonzero(np.nan_to_num(trust, nan=0.0))
        if not len(believed):
            return np.zeros(rows.values.shape[1], dtype=rows.values.dtype)
        return weighted_sum(rows.values, trust[believed] * own / norms[believed] / trust[believed].sum(), believed)


def _dots(values: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The inner product of each row of (m, P) values with (P,), summed in float64: (m,)."""
    dots = np.zeros(len(values))
    for columns in column_chunks(values):
        dots += values[:, columns].astype(np.float64) @ other[columns].astype(np.float64)
    return dots
