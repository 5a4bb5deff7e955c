"""Model-contrastive federated learning."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.federated.strategy import Groups, LocalView, Strategy, Update, strategies
from engine.training.settings import LocalSettings

if TYPE_CHECKING:
    from torch import Tensor


@strategies.register
class Moon(Strategy):
    """Model-contrastive learning: features stay near those of the global model, away from the client's earlier ones.

    With z, z_glob and z_prev the features of a sample under the local, the global and the client's previous model,
    each client adds mu times the mean of -log(e^(cos(z, z_glob)/t) / (e^(cos(z, z_glob)/t) + e^(cos(z, z_prev)/t))).
    Features are the input of the last linear layer; the projection head of the paper is a matter of the model.
    """

    source: ClassVar[str] = (
        "Q. Li, He, Song, Model-Contrastive Federated Learning, CVPR 2021, arXiv 2103.16257, equation 3 and Algorithm 1"
    )
    equation: ClassVar[str] = "min Fₖ(w) + μ log(1 + e^((cos(z, z_prev) − cos(z, z_glob)) / τ))"
    neutral: ClassVar[dict[str, float]] = {"mu": 0.0}
    kind: Literal["moon"] = "moon"
    """Model-contrastive federated learning."""

    mu: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Weight of the contrastive loss, dimensionless; 0 gives FedAvg. The paper tunes it among 0.1, 1, 5 and 10."""

    temperature: Annotated[float, Field(gt=0, le=10)] = 0.5
    """Temperature of the similarities, dimensionless; 0.5 as in the paper."""

    def work_factor(self, local: LocalSettings) -> float:
        """Two more forward passes in every step."""
        return 1.0 if self.mu == 0.0 else 1.0 + 2.0 / 3.0

    def init_client(self, params: Mapping[str, np.ndarray]) -> Groups | None:
        """The model that is sent stands for the previous one; then the loss is the constant log 2."""
        return None if self.mu == 0.0 else {"previous": params}

    def loss_term(self, view: LocalView) -> "Tensor | None":
        """Mu times the batch mean of the contrastive loss; the two other models are as in an evaluation."""
        if self.mu == 0.0:
            return None
        import torch

        assert view.forward is not None  # a loss term without a feature gradient is never stacked
        assert view.inputs is not None
        features = view.batch_features()
        with torch.no_grad():
            others = [view.forward(params, view.inputs)[1].flatten(0, -2) for params in _models(view)]
        to_global, to_previous = (torch.cosine_similarity(features, other, dim=-1) for other in others)
        contrast = torch.nn.functional.softplus((to_previous - to_global) / self.temperature)
        return self.mu * view.batch_mean(contrast)

    def finish(self, view: LocalView, num_steps: int) -> Update:
        """The usual difference; the trained model is the client's previous one next time."""
        difference = {name: value - view.start[name] for name, value in view.params.items()}
        kept = None if self.mu == 0.0 else {"previous": view.params}
        return Update(tensors={"weights": difference}, weight=float(view.num_samples[0]), client=kept)


def _models(view: LocalView) -> "tuple[Mapping[str, Tensor], Mapping[str, Tensor]]":
    """The global and the client's previous model."""
    return view.start, view.client["previous"]
