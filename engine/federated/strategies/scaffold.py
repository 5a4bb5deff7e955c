"""Stochastic controlled averaging."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.federated.server_optimizer import is_trained, zeros_of
from engine.federated.strategy import Combined, Groups, LinearTerm, LocalView, Strategy, Update, moved, strategies
from engine.models.graph import Graph
from engine.training.accumulation import accumulated, needs_sgd
from engine.training.settings import LocalSettings


@strategies.register
class Scaffold(Strategy):
    """Averaging with control variates that correct the drift of clients on unlike data.

    Server and clients keep an estimate of their gradients (c and c_k); every local step uses g - c_k + c. Messages
    carry weights and control variate, twice the bytes of FedAvg both ways. The mean is unweighted, as in the paper.
    Running statistics have no gradient: they take part in no control variate, and their plain mean is taken.
    """

    source: ClassVar[str] = (
        "Karimireddy et al., SCAFFOLD: Stochastic Controlled Averaging for Federated Learning, ICML 2020, Algorithm 1, "
        "option II"
    )
    equation: ClassVar[str] = "w ← w − η (∇Fₖ(w) − cₖ + c), cₖ ← cₖ − c + (wₜ − wₖ) / (K η)"
    weighs_by_samples: ClassVar[bool] = False
    kind: Literal["scaffold"] = "scaffold"
    """Stochastic controlled averaging."""

    global_lr: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Learning rate of the server, dimensionless; 1 takes the mean of the clients' models."""

    def init_server(self, params: Mapping[str, np.ndarray]) -> Groups:
        """The model and a control variate of zeros."""
        return {"weights": params, "control": zeros_of(params)}

    def init_client(self, params: Mapping[str, np.ndarray]) -> Groups:
        """A control variate of zeros."""
        return {"control": zeros_of(params)}

    def check(self, graph: Graph, local: LocalSettings) -> list[Problem]:
        """The mean gradient is read off the weights, which tells it for SGD only."""
        return needs_sgd(self.kind, local)

    def message_down(self, server: Groups) -> Groups:
        """Weights and the server's control variate."""
        return {"weights": server["weights"], "control": server["control"]}

    def message_up(self, server: Groups) -> Groups:
        """Differences of weights and of the client's control variate."""
        return {"weights": server["weights"], "control": server["control"]}

    def linear_term(self, view: LocalView) -> LinearTerm:
        """The constant correction c - c_k."""
        mine = view.client["control"]
        return LinearTerm(bias={name: control - mine[name] for name, control in view.down["control"].items()})

    def finish(self, view: LocalView, num_steps: int) -> Update:
        """Option II: c_k <- c_k - c + (w_t - w_k) / (num_steps * lr), the mean gradient.

        With momentum a gradient moves the weights further than lr, so that the sum of how much each counts stands in
        place of the number of steps.
        """
        moved_by = accumulated(view.settings, num_steps) * view.lr
        difference = {name: value - view.start[name] for name, value in view.params.items()}
        mine, shared = view.client["control"], view.down["control"]
        control = {name: mine[name] - shared[name] - difference[name] / moved_by for name in shared}
        change = {name: control[name] - mine[name] for name in shared}
        return Update(tensors={"weights": difference, "control": change}, weight=1.0, client={"control": control})

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """W <- w + global_lr * mean of differences; c <- c + |S| / N * mean of changes."""
        steps = {
            name: np.asarray(self.global_lr * value) if is_trained(name) else value
            for name, value in combined.mean["weights"].items()
        }
        part = combined.num_updates / combined.num_clients
        changes = {name: np.asarray(part * value) for name, value in combined.mean["control"].items()}
        return {"weights": moved(server["weights"], steps), "control": moved(server["control"], changes)}
