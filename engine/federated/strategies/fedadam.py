"""Federated averaging with Adam on the server."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.federated.server_optimizer import adaptive_step, zeros_of
from engine.federated.strategy import Combined, Groups, Strategy, strategies


@strategies.register
class FedAdam(Strategy):
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

    server_lr: Annotated[float, Field(gt=0, le=100)] = 0.1
    """Learning rate of the server (eta), dimensionless; the paper tunes it per task between 0.001 and 10."""

    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the first moment that is kept from round to round, dimensionless."""

    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the second moment that is kept from round to round, dimensionless."""

    tau: Annotated[float, Field(gt=0, le=1)] = 0.001
    """Degree of adaptivity, added to the root of the second moment; the larger, the nearer to plain averaging."""

    def init_server(self, params: Mapping[str, np.ndarray]) -> Groups:
        """The model and both moments, zeros."""
        return {"weights": params, "first": zeros_of(params), "second": zeros_of(params)}

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """A step with v <- beta_2 v + (1 - beta_2) D^2."""
        return adaptive_step(
            server, combined, lambda v, square: self.beta_2 * v + (1.0 - self.beta_2) * square,
            server_lr=self.server_lr, beta_1=self.beta_1, tau=self.tau,
        )  # fmt: skip
