"""A weight that falls with a power of the staleness."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.federated.staleness import StalenessWeight, staleness_weights


@staleness_weights.register
class Polynomial(StalenessWeight):
    """A weight that falls with a power of the staleness: (1 + staleness) ^ -exponent."""

    source: ClassVar[str] = (
        "Xie et al., Asynchronous Federated Optimization, 2019, section 5.2: s_a(t - tau) = (t - tau + 1)^-a; exponent "
        "1/2: Nguyen et al., Federated Learning with Buffered Asynchronous Aggregation, AISTATS 2022, section 5"
    )
    equation: ClassVar[str] = "s(τ) = (1 + τ)⁻ᵃ"
    kind: Literal["polynomial"] = "polynomial"
    """(1 + staleness) ^ -exponent."""

    exponent: Annotated[float, Field(ge=0, le=10)] = 0.5
    """How fast the weight falls; 0 keeps it at 1."""

    def weight(self, staleness: np.ndarray) -> np.ndarray:
        """Powers."""
        return np.asarray((1.0 + staleness) ** -self.exponent)
