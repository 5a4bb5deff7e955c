"""Federated averaging with Adam on the server."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.server_optimizer import AdaptiveServer
from engine.federated.strategy import strategies


@strategies.register
class FedAdam(AdaptiveServer):
    """Federated averaging with Adam on the server.

    With D the mean difference of the clients: m <- beta_1 m + (1 - beta_1) D, v <- beta_2 v + (1 - beta_2) D^2,
    w <- w + server_lr * m / (sqrt(v) + tau), without bias correction.
    """

    source: ClassVar[str] = (
        "Reddi et al., Adaptive Federated Optimization, ICLR 2021, arXiv 2003.00295, Algorithm 2 (FedAdam); "
        "v starts at 0 instead of tau^2"
    )
    equation: ClassVar[str] = "m ← β₁ m + (1 − β₁) Δ, v ← β₂ v + (1 − β₂) Δ², w ← w + η m / (√v + τ)"
    kind: Literal["fedadam"] = "fedadam"
    """Federated averaging with Adam on the server."""

    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the second moment that is kept from round to round, dimensionless."""

    @override
    def second(self, v: np.ndarray, square: np.ndarray) -> np.ndarray:
        """V <- beta_2 v + (1 - beta_2) D^2."""
        return np.asarray(self.beta_2 * v + (1.0 - self.beta_2) * square)
