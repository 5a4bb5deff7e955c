"""Federated averaging with momentum on the server."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.federated.server_optimizer import zeros_of
from engine.federated.strategy import Combined, Groups, Strategy, moved, strategies


@strategies.register
class FedAvgM(Strategy):
    """Federated averaging with momentum on the server.

    The server keeps a velocity: v <- momentum * v + D, w <- w + server_lr * v, D being the mean difference of the
    clients' models, which acts as gradient.
    """

    source: ClassVar[str] = (
        "Hsu, Qi, Brown, Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification, "
        "2019, arXiv 1909.06335, section 4.3"
    )
    equation: ClassVar[str] = "v ← β v + Δ, w ← w + η v; Δ = Σₖ pₖ (wₖ − w)"
    neutral: ClassVar[dict[str, float]] = {"momentum": 0.0, "server_lr": 1.0}
    kind: Literal["fedavgm"] = "fedavgm"
    """Federated averaging with momentum on the server."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the velocity that is kept from round to round, dimensionless; 0 gives FedAvg."""

    server_lr: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Learning rate of the server, dimensionless; 1 without momentum takes the mean of the clients' models."""

    def init_server(self, params: Mapping[str, np.ndarray]) -> Groups:
        """The model and a velocity of zeros."""
        return {"weights": params, "velocity": zeros_of(params)}

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """V <- momentum * v + mean difference; w <- w + server_lr * v."""
        mean = combined.mean["weights"]
        velocity = {name: np.asarray(self.momentum * old + mean[name]) for name, old in server["velocity"].items()}
        steps = {**mean, **{name: np.asarray(self.server_lr * value) for name, value in velocity.items()}}
        return {"weights": moved(server["weights"], steps), "velocity": velocity}
