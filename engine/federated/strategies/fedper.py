"""Federated averaging with personal last layers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.errors import Problem
from engine.federated.strategy import Strategy, strategies
from engine.models.graph import Graph, ParameterInfo
from engine.training.settings import LocalSettings


@strategies.register
class FedPer(Strategy):
    """Federated averaging in which the last layers stay on the client.

    The first layers are a shared base, the last ones are each client's own and never travel, which also saves their
    bytes. The global model keeps their initial values, so its accuracy says little: measure the clients' own models.
    """

    source: ClassVar[str] = (
        "Arivazhagan et al., Federated Learning with Personalization Layers, 2019, arXiv 1912.00818, Algorithms 1 and 2"
    )
    equation: ClassVar[str] = "base ← Σₖ pₖ baseₖ; the last layers of each client stay its own"
    neutral: ClassVar[dict[str, float]] = {"personal_layers": 0}
    caution: ClassVar[str] = "accuracy is that of a model whose last layers nobody has trained"
    kind: Literal["fedper"] = "fedper"
    """Federated averaging with personal last layers."""

    personal_layers: Annotated[int, Field(ge=0, le=1000)] = 1
    """How many layers with weights stay on the client, counted from the output; 0 gives FedAvg."""

    def check(self, graph: Graph, local: LocalSettings) -> list[Problem]:
        """At least one layer must travel."""
        places = max(info.num_places for info in graph.parameters())
        if self.personal_layers < places:
            return []
        message = (
            f"the model has {places} layers with weights, so at most {places - 1} can stay on the client; given "
            f"{self.personal_layers}"
        )
        return [Problem("personal_layers", "nothing_shared", message)]

    def is_shared(self, parameter: ParameterInfo) -> bool:
        """The layers before the last ones."""
        return parameter.place < parameter.num_places - self.personal_layers
