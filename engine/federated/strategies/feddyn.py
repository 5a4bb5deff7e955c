"""Averaging with dynamic regularization."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.federated.server_optimizer import zeros_of
from engine.federated.strategy import Combined, Groups, LinearTerm, LocalView, Strategy, Update, moved, strategies


@strategies.register
class FedDyn(Strategy):
    """Averaging with dynamic regularization, so that clients and server agree on the same stationary point.

    Each client minimizes its loss minus <g_k, w> plus alpha/2 * ||w - w_t||^2 and then sets g_k <- g_k - alpha (w_k -
    w_t). The server keeps h <- h - alpha |S| / N * mean(w_k - w_t) and sends w <- mean(w_k) - h / alpha. The mean is
    unweighted, as in the paper; running statistics take part in no sum but the mean.
    """

    source: ClassVar[str] = (
        "Acar et al., Federated Learning Based on Dynamic Regularization, ICLR 2021, arXiv 2111.04263, Algorithm 1"
    )
    equation: ClassVar[str] = "min Fₖ(w) − ⟨gₖ, w⟩ + α/2 ‖w − wₜ‖², gₖ ← gₖ − α (wₖ − wₜ)"
    weighs_by_samples: ClassVar[bool] = False
    kind: Literal["feddyn"] = "feddyn"
    """Averaging with dynamic regularization."""

    alpha: Annotated[float, Field(gt=0, le=10)] = 0.01
    """Weight of the regularization, dimensionless; the paper uses 0.1, 0.01 and 0.001."""

    def init_server(self, params: Mapping[str, np.ndarray]) -> Groups:
        """The model and h of zeros."""
        return {"weights": params, "h": zeros_of(params)}

    def init_client(self, params: Mapping[str, np.ndarray]) -> Groups:
        """A gradient of zeros."""
        return {"gradient": zeros_of(params)}

    def linear_term(self, view: LocalView) -> LinearTerm:
        """The pull ``alpha * (w - w_t)`` and the constant ``-g_k``."""
        bias = {name: -value for name, value in view.client["gradient"].items()}
        return LinearTerm(scale=self.alpha, center=view.start, bias=bias)

    def finish(self, view: LocalView, num_steps: int) -> Update:
        """G_k <- g_k - alpha * (w_k - w_t)."""
        difference = {name: value - view.start[name] for name, value in view.params.items()}
        gradient = {name: value - self.alpha * difference[name] for name, value in view.client["gradient"].items()}
        return Update(tensors={"weights": difference}, weight=1.0, client={"gradient": gradient})

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """H <- h - alpha * |S| / N * mean difference; w <- w + mean difference - h / alpha."""
        part, mean = self.alpha * combined.num_updates / combined.num_clients, combined.mean["weights"]
        h = {name: np.asarray(value - part * mean[name]) for name, value in server["h"].items()}
        steps = {**mean, **{name: np.asarray(mean[name] - value / self.alpha) for name, value in h.items()}}
        return {"weights": moved(server["weights"], steps), "h": h}
