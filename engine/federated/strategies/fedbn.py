"""Federated averaging without the normalization layers."""

from typing import ClassVar, Literal

from engine.core.errors import Problem
from engine.federated.strategy import Strategy, strategies
from engine.models.graph import Graph, ParameterInfo
from engine.training.settings import LocalSettings


@strategies.register
class FedBN(Strategy):
    """Federated averaging in which batch normalization stays on the client.

    Scale, shift and running statistics of every batch normalization are each client's own; everything else is averaged.
    The global model keeps the initial ones, so its accuracy says little: measure the clients' own models.
    """

    source: ClassVar[str] = (
        "X. Li et al., FedBN: Federated Learning on Non-IID Features via Local Batch Normalization, ICLR 2021, "
        "arXiv 2102.07623, Algorithm 1"
    )
    equation: ClassVar[str] = "w ← Σₖ pₖ wₖ for all layers but batch normalization"
    caution: ClassVar[str] = "accuracy is that of a model whose normalization nobody has trained"
    kind: Literal["fedbn"] = "fedbn"
    """Federated averaging without the normalization layers."""

    def check(self, graph: Graph, local: LocalSettings) -> list[Problem]:
        """Without batch normalization nothing would stay on the client."""
        if any(info.kind == "batch_norm" for info in graph.parameters()):
            return []
        message = "the model has no batch normalization, so fedbn would be fedavg; choose a model that has, or fedavg"
        return [Problem("kind", "no_batch_normalization", message)]

    def is_shared(self, parameter: ParameterInfo) -> bool:
        """Everything but batch normalization."""
        return parameter.kind != "batch_norm"
