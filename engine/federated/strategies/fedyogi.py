"""Federated averaging with Yogi on the server."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.server_optimizer import AdaptiveServer
from engine.federated.strategy import strategies


@strategies.register
class FedYogi(AdaptiveServer):
    """Federated averaging with Yogi on the server.

    With D the mean difference of the clients: m <- beta_1 m + (1 - beta_1) D, v <- v - (1 - beta_2) D^2 sign(v - D^2),
    w <- w + server_lr * m / (sqrt(v) + tau), without bias correction. The second moment falls slower than Adam's.
    """

    source: ClassVar[str] = (
        "Reddi et al., Adaptive Federated Optimization, ICLR 2021, arXiv 2003.00295, Algorithm 2 (FedYogi); "
        "v starts at 0 instead of tau^2"
    )
    equation: ClassVar[str] = "m ← β₁ m + (1 − β₁) Δ, v ← v − (1 − β₂) Δ² sign(v − Δ²), w ← w + η m / (√v + τ)"
    kind: Literal["fedyogi"] = "fedyogi"
    """Federated averaging with Yogi on the server."""

    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the second moment that is kept from round to round, dimensionless."""

    @override
    def second(self, v: np.ndarray, square: np.ndarray) -> np.ndarray:
        """V <- v - (1 - beta_2) D^2 sign(v - D^2)."""
        return np.asarray(v - (1.0 - self.beta_2) * square * np.sign(v - square))
