"""A vote on the sign of each coordinate."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.aggregator import Aggregator, Rows, aggregators, column_chunks


@aggregators.register
class SignMajority(Aggregator):
    """Each coordinate moves by a fixed step in the direction that most updates have: ``step * sign(sum_k sign(u_k))``.

    Every client has one vote per coordinate; where votes are equal it stays. O(m P) time. Fewer than half of the
    clients cannot turn a coordinate on which the others agree.
    """

    source: ClassVar[str] = (
        "Bernstein et al., signSGD with Majority Vote is Communication Efficient and Fault Tolerant, ICLR 2019, "
        "Algorithm 1"
    )
    equation: ClassVar[str] = "u = η sign(Σₖ sign(uₖ))"
    kind: Literal["sign_majority"] = "sign_majority"
    """A vote on the sign of each coordinate."""

    step: Annotated[float, Field(gt=0, le=1e3)] = 0.01
    """How far each weight moves in a round, in units of the weights."""

    @override
    def combine(self, rows: Rows) -> np.ndarray:
        result = np.empty(rows.values.shape[1], dtype=rows.values.dtype)
        for columns in column_chunks(rows.values):
            part = rows.values[:, columns]
            votes = np.count_nonzero(part > 0, axis=0) - np.count_nonzero(part < 0, axis=0)
            result[columns] = self.step * np.sign(votes)
        return result
