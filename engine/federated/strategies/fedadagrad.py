"""Federated averaging with Adagrad on the server."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.server_optimizer import AdaptiveServer
from engine.federated.strategy import strategies


@strategies.register
class FedAdagrad(AdaptiveServer):
    """Federated averaging with Adagrad on the server.

    With D the mean difference of the clients: m <- beta_1 m + (1 - beta_1) D, v <- v + D^2,
    w <- w + server_lr * m / (sqrt(v) + tau). Steps shrink with all that came before.
    """

    source: ClassVar[str] = (
        "Reddi et al., Adaptive Federated Optimization, ICLR 2021, arXiv 2003.00295, Algorithm 2 (FedAdagrad); "
        "v starts at 0 instead of tau^2"
    )
    equation: ClassVar[str] = "m ← β₁ m + (1 − β₁) Δ, v ← v + Δ², w ← w + η m / (√v + τ)"
    kind: Literal["fedadagrad"] = "fedadagrad"
    """Federated averaging with Adagrad on the server."""

    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the first moment that is kept from round to round, dimensionless; 0 in the paper's experiments."""

    @override
    def second(self, v: np.ndarray, square: np.ndarray) -> np.ndarray:
        """V <- v + D^2."""
        return np.asarray(v + square)
