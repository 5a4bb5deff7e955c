"""Federated averaging."""

from typing import ClassVar, Literal

from engine.federated.strategy import Strategy, strategies


@strategies.register
class FedAvg(Strategy):
    """Federated averaging: clients train locally, the server takes the mean weighted by their samples."""

    source: ClassVar[str] = (
        "McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017, "
        "Algorithm 1"
    )
    equation: ClassVar[str] = "w ← w + Σₖ pₖ (wₖ − w), pₖ = nₖ / n"
    neutral: ClassVar[dict[str, float]] = {}
    kind: Literal["fedavg"] = "fedavg"
    """Federated averaging."""
