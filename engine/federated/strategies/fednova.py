"""Normalized averaging."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.federated.server_optimizer import is_trained
from engine.federated.strategy import Combined, Groups, LinearTerm, LocalView, Strategy, Update, moved, strategies
from engine.models.graph import Graph
from engine.training.accumulation import accumulated, needs_sgd
from engine.training.settings import LocalSettings


@strategies.register
class FedNova(Strategy):
    """Normalized averaging: clients that make more local steps do not count more than their samples.

    Client k sends d_k = (w_k - w_t) / |a_k| and |a_k|, where a_k weighs the gradients that its steps have added up:
    |a_k| is the number of steps for plain SGD, more with momentum, less with a proximal term. The server takes
    w <- w + (sum p_k |a_k|) * sum p_k d_k with p_k the share of samples. Running statistics are no weights that steps
    add up to: of them the plain mean is taken.
    """

    source: ClassVar[str] = (
        "Wang et al., Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization, NeurIPS "
        "2020, arXiv 2007.07481, equations 5 to 8 and section 5"
    )
    equation: ClassVar[str] = "w ← w + (Σₖ pₖ ‖aₖ‖₁) · Σₖ pₖ (wₖ − w) / ‖aₖ‖₁"
    kind: Literal["fednova"] = "fednova"
    """Normalized averaging."""

    mu: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Weight of a proximal term mu/2 * ||w - w_t||^2 of the clients, dimensionless; 0 for none."""

    server_lr: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Factor on the server's step, dimensionless; 1 as in the paper."""

    def check(self, graph: Graph, local: LocalSettings) -> list[Problem]:
        """The weights of the gradients are known for SGD only."""
        return needs_sgd(self.kind, local)

    def message_up(self, server: Groups) -> Groups:
        """Normalized differences, and one number: the norm of a_k."""
        first = next(iter(server["weights"].values()))
        return {"weights": server["weights"], "steps": {"norm": np.ones(1, first.dtype)}}

    def linear_term(self, view: LocalView) -> LinearTerm | None:
        """The pull ``mu * (w - w_t)``."""
        return LinearTerm(scale=self.mu, center=view.start) if self.mu else None

    def finish(self, view: LocalView, num_steps: int) -> Update:
        """The difference over the norm of a_k, weighted by the samples."""
        norm = accumulated(view.settings, num_steps, pull=view.lr * self.mu)
        difference = {
            name: (value - view.start[name]) / (norm if is_trained(name) else 1.0)
            for name, value in view.params.items()
        }
        like = next(iter(difference.values()))
        return Update(
            tensors={"weights": difference, "steps": {"norm": like.new_full((1,), norm)}},
            weight=float(view.num_samples[0]),
        )

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """W <- w + server_lr * (mean of |a_k|) * mean of d_k."""
        effective = self.server_lr * combined.mean["steps"]["norm"][0]
        steps: Mapping[str, np.ndarray] = {
            name: np.asarray(effective * value) if is_trained(name) else value
            for name, value in combined.mean["weights"].items()
        }
        return {"weights": moved(server["weights"], steps)}
