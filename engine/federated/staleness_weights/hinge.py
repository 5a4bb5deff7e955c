"""A weight that falls only beyond some staleness."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.federated.staleness import StalenessWeight, staleness_weights


@staleness_weights.register
class Hinge(StalenessWeight):
    """Full weight up to some staleness, beyond it 1 / (slope * (staleness - free) + 1)."""

    source: ClassVar[str] = (
        "Xie et al., Asynchronous Federated Optimization, 2019, section 5.2: s_ab(t - tau) = 1 if t - tau <= b, else "
        "1 / (a (t - tau - b) + 1)"
    )
    equation: ClassVar[str] = "s(τ) = 1 if τ ≤ b, else 1 / (a (τ − b) + 1)"
    kind: Literal["hinge"] = "hinge"
    """Full weight up to some staleness."""

    slope: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """How fast the weight falls beyond (a of the paper); 0 keeps it at 1."""

    free: Annotated[int, Field(ge=0, le=1_000_000)] = 4
    """Staleness up to which the weight is 1 (b of the paper)."""

    def weight(self, staleness: np.ndarray) -> np.ndarray:
        """One, then a hyperbola."""
        beyond = np.maximum(0, staleness - self.free)
        return np.asarray(1.0 / (self.slope * beyond + 1.0))
