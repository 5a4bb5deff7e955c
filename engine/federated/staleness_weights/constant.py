"""The same weight for all."""

from typing import ClassVar, Literal

import numpy as np

from engine.federated.staleness import StalenessWeight, staleness_weights


@staleness_weights.register
class ConstantWeight(StalenessWeight):
    """Late updates count like others."""

    source: ClassVar[str] = "Xie et al., Asynchronous Federated Optimization, 2019, section 5.2: s(t - tau) = 1"
    equation: ClassVar[str] = "s(τ) = 1"
    kind: Literal["constant"] = "constant"
    """Late updates count like others."""

    def weight(self, staleness: np.ndarray) -> np.ndarray:
        """One."""
        return np.ones(len(staleness))
