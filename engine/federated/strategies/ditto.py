"""Federated averaging with a personal model beside the global one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.federated.strategy import Groups, LinearTerm, LocalView, Strategy, strategies
from engine.training.settings import LocalSettings

if TYPE_CHECKING:
    from engine.training.local import Payload


@strategies.register
class Ditto(Strategy):
    """Federated averaging with a personal model on every client, held near the global one.

    After its usual steps client k trains its own model v_k on the same batches: v_k <- v_k - lr (gradient of F_k(v_k)
    + strength * (v_k - w_t)). The global model is that of FedAvg. Training takes twice the time.
    """

    source: ClassVar[str] = (
        "T. Li et al., Ditto: Fair and Robust Federated Learning Through Personalization, ICML 2021, arXiv 2012.04221, "
        "Algorithm 1 and equation 1"
    )
    equation: ClassVar[str] = "min Fₖ(vₖ) + λ/2 ‖vₖ − wₜ‖² beside FedAvg for w"
    neutral: ClassVar[dict[str, float]] = {}
    kind: Literal["ditto"] = "ditto"
    """Federated averaging with a personal model beside the global one."""

    strength: Annotated[float, Field(ge=0, le=100)] = 0.1
    """Pull of the personal model to the global one (lambda), dimensionless; 0 trains each client alone. The paper tunes
    it among 0.05, 0.1, 0.2, 1 and 2."""

    def work_factor(self, local: LocalSettings) -> float:
        """Two models are trained."""
        return 2.0

    def init_client(self, params: Mapping[str, np.ndarray]) -> Groups:
        """The personal model starts as the model that the client sees first."""
        return {"personal": params}

    def personal_models(self, server: Groups, client: Groups) -> Sequence[Mapping[str, np.ndarray]]:
        """The client's own model."""
        return (client["personal"],)

    def personal_pass(self, view: LocalView) -> "Payload":
        """As many steps for the personal model, pulled to the weights that were sent."""
        term = LinearTerm(scale=self.strength, center=view.start)
        return {"personal": view.descended(view.client["personal"], term)}
