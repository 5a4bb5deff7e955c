"""Federated averaging with a maximum-entropy prior on the activations."""

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.federated.strategy import LocalView, Strategy, strategies

if TYPE_CHECKING:
    from torch import Tensor


@strategies.register
class FedMAX(Strategy):
    """Federated averaging with a maximum-entropy prior on the activations before the last linear layer.

    Each client adds beta times the batch mean of the divergence between softmax(a), a being the input of the last
    linear layer, and the uniform distribution over its d units. So activations of one class stay alike across clients.
    """

    source: ClassVar[str] = (
        "Chen, Bhardwaj, Marculescu, FedMAX: Mitigating Activation Divergence for Accurate and Communication-Efficient "
        "Federated Learning, ECML-PKDD 2020, arXiv 2004.03657; direction and scale of the authors' code"
    )
    equation: ClassVar[str] = "min Fₖ(w) + β · meanᵢ KL(U ‖ softmax(aᵢ))"
    neutral: ClassVar[dict[str, float]] = {"beta": 0.0}
    kind: Literal["fedmax"] = "fedmax"
    """Federated averaging with a maximum-entropy prior on the activations."""

    beta: Annotated[float, Field(ge=0, le=10000)] = 2.0
    """Weight of the prior on the batch mean, dimensionless; 0 gives FedAvg. The authors' code averages over the d
    features as well, so their beta is d times this one: their 1000 at d = 512 is 1.95 here."""

    direction: Literal["u_to_p", "p_to_u"] = "u_to_p"
    """Which divergence: KL(U || softmax(a)) as in the authors' code (u_to_p), or KL(softmax(a) || U) as in the paper's
    equation (p_to_u), which is log d minus the entropy."""

    def loss_term(self, view: LocalView) -> "Tensor | None":
        """Beta times the batch mean of the divergence, in closed form.

        KL(U || p) = logsumexp(a) - mean(a) - log d and KL(p || U) = log d - H(p), with p = softmax(a).
        """
        if self.beta == 0.0:
            return None
        features = view.batch_features()
        width = math.log(features.shape[-1])
        if self.direction == "u_to_p":
            divergence = features.logsumexp(-1) - features.mean(-1) - width
        else:
            log_p = features.log_softmax(-1)
            divergence = width + (log_p.exp() * log_p).sum(-1)
        return self.beta * view.batch_mean(divergence)

    def feature_gradient(self, view: LocalView) -> "Tensor | None":
        """Beta times (p - 1/d), or beta times p * (log p + H(p)), spread over the batch."""
        if self.beta == 0.0:
            return None
        features = view.batch_features()
        if self.direction == "u_to_p":
            gradient = features.softmax(-1).sub_(1.0 / features.shape[-1])
        else:
            log_p = features.log_softmax(-1)
            p = log_p.exp()
            gradient = p * (log_p - (p * log_p).sum(-1, keepdim=True))
        return view.mean_gradient(gradient.mul_(self.beta))
