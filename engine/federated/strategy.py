"""The contract of federated strategies: what travels, how clients train, how the server combines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.models.graph import Graph
from engine.training.local import LinearTerm, LocalRule, LocalView, Payload, Start, Update
from engine.training.settings import LocalSettings

__all__ = [
    "Combined", "Groups", "LinearTerm", "LocalRule", "LocalView", "Payload", "Start", "Strategy", "Update", "moved",
    "num_bytes", "strategies",
]  # fmt: skip

Groups = Mapping[str, Mapping[str, np.ndarray]]
"""Named groups of arrays by parameter name: the server's state, a message, or a client's state between rounds.

The group ``weights`` of the server's state is the global model, buffers included."""


@dataclass(frozen=True)
class Combined:
    """The updates of one round, combined.

    Attributes:
        mean: weighted mean of the updates, group by group.
        total_weight: sum of the weights.
        num_updates: clients that took part.
        num_clients: clients in all.
    """

    mean: Groups
    total_weight: float
    num_updates: int
    num_clients: int


class Strategy(LocalRule):
    """How a federated round works beside plain local SGD.

    A member defines only what it changes; what it leaves is federated averaging. The server's side is NumPy, local
    training is torch, which a member imports inside its methods. A strategy keeps nothing between calls.
    """

    neutral: ClassVar[Mapping[str, float] | None] = None
    """Parameter values that turn the strategy into FedAvg bit for bit; None if there are none."""

    def check(self, graph: Graph, local: LocalSettings) -> list[Problem]:
        """What of the strategy cannot be with this model and these local settings; paths relative to the strategy."""
        return []

    caution: ClassVar[str] = ""
    """What the log says once about measuring the global model, where that is not what the strategy is for."""

    weighs_by_samples: ClassVar[bool] = True
    """Whether a client's weight in the mean is its number of samples; else it is 1."""

    def work_factor(self, local: LocalSettings) -> float:
        """What a client computes in a round as a multiple of its local steps; a forward pass is a third of one."""
        return 1.0

    def init_server(self, params: Mapping[str, np.ndarray]) -> Groups:
        """The server's state before the first round, given the initial model with its buffers."""
        return {"weights": params}

    def init_client(self, params: Mapping[str, np.ndarray]) -> Groups | None:
        """A client's state when it takes part for the first time; None if it keeps none."""
        return None

    def message_down(self, server: Groups) -> Groups:
        """What the server sends to every client of the round; all its bytes are counted."""
        return {"weights": server["weights"]}

    def message_up(self, server: Groups) -> Groups:
        """Arrays of the same names, shapes and types as an update has: what a client's message costs.

        A conformance test compares it with the updates that ``finish`` makes.
        """
        return {"weights": server["weights"]}

    def models(self, server: Groups) -> Mapping[str, Mapping[str, np.ndarray]]:
        """The trained models that a run leaves behind, by name."""
        return {"model": server["weights"]}

    def personal_models(self, server: Groups, client: Groups) -> Sequence[Mapping[str, np.ndarray]]:
        """The models that a client may use for itself, given its state; it takes the best on its training samples.

        Layers that stay on the client are laid over each.
        """
        return (server["weights"],)

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """The server's state after the round: by default its weights plus the mean of the clients' differences."""
        return {**server, "weights": moved(server["weights"], combined.mean["weights"])}


def moved(weights: Mapping[str, np.ndarray], by: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights moved by a difference, each in its own type; integer buffers are rounded."""
    result = dict(weights)
    for name, difference in by.items():
        value = weights[name] + difference
        whole = np.issubdtype(weights[name].dtype, np.integer)
        result[name] = (np.rint(value) if whole else value).astype(weights[name].dtype)
    return result


def num_bytes(groups: Groups) -> int:
    """The bytes of all arrays of a message, without framing."""
    return sum(array.nbytes for tensors in groups.values() for array in tensors.values())


strategies: Registry[Strategy] = Registry("strategies", "engine.federated.strategies", Strategy, title="Strategy")
"""All federated strategies by kind."""
