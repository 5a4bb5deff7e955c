"""What strategies with an optimizer on the server share: moments of the mean difference, one per trained tensor.

Running statistics of normalization layers are no weights: the server takes their mean as it is.
"""

from collections.abc import Callable, Mapping

import numpy as np

from engine.federated.strategy import Combined, Groups, moved

STATISTICS = (".running_mean", ".running_var")
"""Endings of the names of buffers, which no gradient moves."""

Second = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""The next second moment, given the old one and the squared difference."""


def is_trained(name: str) -> bool:
    """Whether a tensor of the model is trained; running statistics are not."""
    return not name.endswith(STATISTICS)


def zeros_of(params: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Zeros like every trained tensor."""
    return {name: np.zeros_like(value) for name, value in params.items() if is_trained(name)}


def adaptive_step(
    server: Groups, combined: Combined, second: Second, *, server_lr: float, beta_1: float, tau: float
) -> Groups:
    """One step of Algorithm 2 of Reddi et al. 2021, given the rule of the second moment.

    m <- beta_1 m + (1 - beta_1) D; v <- second(v, D^2); w <- w + server_lr m / (sqrt(v) + tau), without bias
    correction; D is the mean of the clients' differences.
    """
    steps = dict(combined.mean["weights"])
    first: dict[str, np.ndarray] = {}
    squares: dict[str, np.ndarray] = {}
    for name, old in server["first"].items():
        difference = steps[name]
        first[name] = np.asarray(beta_1 * old + (1.0 - beta_1) * difference)
        squares[name] = np.asarray(second(server["second"][name], difference * difference))
        steps[name] = np.asarray(server_lr * first[name] / (np.sqrt(squares[name]) + tau))
    return {"weights": moved(server["weights"], steps), "first": first, "second": squares}
