"""Fair averaging: clients with a higher loss count more."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.federated.server_optimizer import is_trained
from engine.federated.strategy import Combined, Groups, LocalView, Strategy, Update, moved, strategies
from engine.training.settings import LocalSettings

SMALLEST = 1e-30
"""Losses count as at least this, so that powers of them exist; h is then as large as it gets."""


@strategies.register
class QFedAvg(Strategy):
    """Fair averaging: clients on whose samples the model does badly count more.

    With F_k the loss of the sent model on the client's samples and D_k = w_k - w_t, client k sends F_k^q D_k and
    h_k = F_k^q + q F_k^(q-1) ||D_k||^2 / lr; the server takes w <- w + sum F_k^q D_k / sum h_k. Measuring F_k costs
    a pass over the samples without gradients; where max_steps or a deadline cuts training short, the ledger counts that
    pass as cut short too.
    """

    source: ClassVar[str] = (
        "T. Li et al., Fair Resource Allocation in Federated Learning, ICLR 2020, arXiv 1905.10497, Algorithm 2 "
        "(q-FedAvg, with L = 1 / lr)"
    )
    equation: ClassVar[str] = "w ← w + Σₖ Fₖ^q (wₖ − w) / Σₖ hₖ, hₖ = Fₖ^q + q Fₖ^(q−1) ‖wₖ − w‖² / η"
    weighs_by_samples: ClassVar[bool] = False
    measures_start: ClassVar[bool] = True
    kind: Literal["qfedavg"] = "qfedavg"
    """Fair averaging: clients with a higher loss count more."""

    q: Annotated[float, Field(ge=0, le=20)] = 0.2
    """How much fairness, dimensionless: 0 takes the plain mean of the clients, each counting the same; the paper uses
    0.001 to 5."""

    def work_factor(self, local: LocalSettings) -> float:
        """A forward pass over the samples before the first step."""
        return 1.0 + 1.0 / (3.0 * local.epochs)

    def message_up(self, server: Groups) -> Groups:
        """Scaled differences, and one number: the client's share of the step's denominator."""
        first = next(iter(server["weights"].values()))
        return {"weights": server["weights"], "step": {"h": np.ones(1, first.dtype)}}

    def finish(self, view: LocalView, num_steps: int) -> Update:
        """F_k^q D_k and h_k, both without the factor 1 / lr, which cancels."""
        difference = {name: value - view.start[name] for name, value in view.params.items()}
        squared = sum(float((value * value).sum()) for name, value in difference.items() if is_trained(name))
        loss = max(view.start_loss, SMALLEST)
        scale = loss**self.q
        h = scale + self.q * loss ** (self.q - 1.0) * squared / view.lr
        like = next(iter(difference.values()))
        scaled = {name: value * scale if is_trained(name) else value for name, value in difference.items()}
        return Update(tensors={"weights": scaled, "step": {"h": like.new_full((1,), h)}}, weight=1.0)

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """W <- w + sum of F_k^q D_k / sum of h_k."""
        h = combined.mean["step"]["h"][0]
        if h == 0.0:
            return server
        steps = {
            name: np.asarray(value / h) if is_trained(name) else value
            for name, value in combined.mean["weights"].items()
        }
        return {"weights": moved(server["weights"], steps)}
