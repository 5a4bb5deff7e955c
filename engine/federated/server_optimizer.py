"""What strategies with an optimizer on the server share: moments of the mean difference, one per trained tensor.

Running statistics of normalization layers are no weights: the server takes their mean as it is.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field

from engine.federated.strategy import Combined, Groups, Strategy, moved

STATISTICS = (".running_mean", ".running_var")
"""Endings of the names of buffers, which no gradient moves."""


def is_trained(name: str) -> bool:
    """Whether a tensor of the model is trained; running statistics are not."""
    return not name.endswith(STATISTICS)


def zeros_of(params: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Zeros like every trained tensor."""
    return {name: np.zeros_like(value) for name, value in params.items() if is_trained(name)}


class AdaptiveServer(Strategy):
    """Algorithm 2 of Reddi et al. 2021: an adaptive optimizer on the server, given its rule of the second moment.

    m <- beta_1 m + (1 - beta_1) D; v <- second(v, D^2); w <- w + server_lr m / (sqrt(v) + tau), without bias
    correction; D is the mean of the clients' differences.
    """

    server_lr: Annotated[float, Field(gt=0, le=100)] = 0.1
    """Learning rate of the server (eta), dimensionless; the paper tunes it per task between 0.001 and 10."""

    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the first moment that is kept from round to round, dimensionless."""

    tau: Annotated[float, Field(gt=0, le=1)] = 0.001
    """Degree of adaptivity, added to the root of the second moment; the larger, the nearer to plain averaging."""

    def init_server(self, params: Mapping[str, np.ndarray]) -> Groups:
        """The model and both moments, zeros."""
        return {"weights": params, "first": zeros_of(params), "second": zeros_of(params)}

    @abstractmethod
    def second(self, v: np.ndarray, square: np.ndarray) -> np.ndarray:
        """The next second moment, given the old one and the squared difference."""

    def server_step(self, combined: Combined, server: Groups) -> Groups:
        """One step of Algorithm 2."""
        steps = dict(combined.mean["weights"])
        first: dict[str, np.ndarray] = {}
        squares: dict[str, np.ndarray] = {}
        for name, old in server["first"].items():
            difference = steps[name]
            first[name] = np.asarray(self.beta_1 * old + (1.0 - self.beta_1) * difference)
            squares[name] = np.asarray(self.second(server["second"][name], difference * difference))
            steps[name] = np.asarray(self.server_lr * first[name] / (np.sqrt(squares[name]) + self.tau))
        return {"weights": moved(server["weights"], steps), "first": first, "second": squares}
