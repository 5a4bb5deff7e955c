"""Federated averaging with a penalty on the norm of the activations."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.federated.strategy import LocalView, Strategy, strategies

if TYPE_CHECKING:
    from torch import Tensor


@strategies.register
class L2Activation(Strategy):
    """Federated averaging with a penalty on the L2 norm of the activations before the last linear layer.

    The ablation of FedMAX: it holds activations small where FedMAX holds them alike. Each client adds beta times the
    norm of a, a being the input of the last linear layer.
    """

    source: ClassVar[str] = (
        "Chen, Bhardwaj, Marculescu, FedMAX, ECML-PKDD 2020, arXiv 2004.03657, the L2 baseline F_k(w) + beta * "
        "||a||_2; norm of the whole batch as in the authors' code"
    )
    equation: ClassVar[str] = "min Fₖ(w) + β ‖A‖_F, A = the batch’s activations"
    neutral: ClassVar[dict[str, float]] = {"beta": 0.0}
    kind: Literal["l2_activation"] = "l2_activation"
    """Federated averaging with a penalty on the norm of the activations."""

    beta: Annotated[float, Field(ge=0, le=1000)] = 0.01
    """Weight of the norm, dimensionless; 0 gives FedAvg. The authors do not state theirs."""

    norm: Literal["batch", "sample"] = "batch"
    """Which norm: of the whole batch matrix (Frobenius) as in the authors' code (batch), which grows with the square
    root of the batch size; or the mean over the batch of each sample's norm (sample)."""

    def loss_term(self, view: LocalView) -> "Tensor | None":
        """Beta times sqrt(sum_i ||a_i||^2) over the batch, or beta / B times sum_i ||a_i||."""
        if self.beta == 0.0:
            return None
        norm: Tensor
        if self.norm == "batch":
            norm = _present(view).flatten(-2).norm(dim=-1)
        else:
            norm = view.batch_mean(view.batch_features().norm(dim=-1))
        return self.beta * norm

    def feature_gradient(self, view: LocalView) -> "Tensor | None":
        """Beta * a_i / norm of the batch, or beta / B * a_i / ||a_i||; zero where a norm is zero."""
        if self.beta == 0.0:
            return None
        if self.norm == "batch":
            features = _present(view)
            return self.beta * _over(features, features.flatten(-2).norm(dim=-1)[..., None, None])
        features = view.batch_features()
        return view.mean_gradient(self.beta * _over(features, features.norm(dim=-1, keepdim=True)))


def _present(view: LocalView) -> "Tensor":
    """The features of the batch, zero in the rows that are padding."""
    features = view.batch_features()
    assert view.share is not None  # a batch has features and shares together
    return features * (view.share > 0).unsqueeze(-1).to(features.dtype)


def _over(features: "Tensor", norm: "Tensor") -> "Tensor":
    """Features over their norm, zero where that is zero: the subgradient that torch takes too."""
    return features / norm.masked_fill(norm == 0, 1.0)
