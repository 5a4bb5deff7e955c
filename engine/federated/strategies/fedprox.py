"""Federated averaging with a proximal term."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.federated.strategy import LinearTerm, LocalView, Strategy, strategies


@strategies.register
class FedProx(Strategy):
    """Federated averaging with a proximal term that holds clients near the global model.

    Each client minimizes its loss plus mu/2 * ||w - w_t||^2, w_t being the global parameters of the round.
    """

    source: ClassVar[str] = (
        "T. Li et al., Federated Optimization in Heterogeneous Networks, MLSys 2020, Algorithm 2; "
        "variant fedmax_paper: code of Chen, Bhardwaj, Marculescu, FedMAX, ECML-PKDD 2020"
    )
    equation: ClassVar[str] = "min Fₖ(w) + μ/2 ‖w − wₜ‖²"
    neutral: ClassVar[dict[str, float]] = {"mu": 0.0}
    kind: Literal["fedprox"] = "fedprox"
    """Federated averaging with a proximal term."""

    mu: Annotated[float, Field(ge=0, le=10)] = 0.01
    """Weight of the proximal term, dimensionless; 0 gives FedAvg."""

    variant: Literal["canonical", "fedmax_paper"] = "canonical"
    """The term of the paper (canonical), or the one in the code of the FedMAX authors (fedmax_paper), who take the mean
    of squares within each tensor instead of the sum, so that mu acts divided by the tensor's size."""

    def linear_term(self, view: LocalView) -> LinearTerm | None:
        """The pull ``mu * (w - w_t)``, divided by the tensor's size in the variant of the FedMAX authors."""
        if self.mu == 0.0:
            return None
        if self.variant == "canonical":
            return LinearTerm(scale=self.mu, center=view.start)
        return LinearTerm(scale={name: self.mu / w.numel() for name, w in view.start.items()}, center=view.start)
