"""SGD in closed form: what the weights before each step owe to the start, to every earlier gradient and to a constant.

SGD with momentum, Nesterov's look-ahead, weight decay and a term that is linear in the weights is a linear recurrence
whose factors are plain numbers. So the weights before step t are

    W_t = start_t W_0 + sum_{s < t} gradient_ts G_s + constant_t C

with G_s the gradient of the loss in step s and C what is added to every gradient. The numbers follow by carrying out
the steps on the coordinates of (W_0, G_0, G_1, ..., C) instead of on weights.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine.training.settings import LocalSettings


@dataclass(frozen=True)
class Coefficients:
    """The numbers of T steps; row T is the state after all of them.

    Attributes:
        start: (T + 1,), factor of the starting weights.
        gradient: (T + 1, T), factor of the gradient of each step.
        constant: (T + 1,), factor of the constant part of the gradient.
        is_plain: whether the factors are those of plain SGD: 1, the negative learning rate, and no constant.
    """

    start: np.ndarray
    gradient: np.ndarray
    constant: np.ndarray
    is_plain: bool


def coefficients(settings: LocalSettings, *, lr: float, shrink: float, steps: int) -> Coefficients:
    """The numbers of a round.

    Args:
        settings: momentum and Nesterov's look-ahead.
        lr: learning rate of the round.
        shrink: factor of the gradient's part that is proportional to the weights.
        steps: T.
    """
    return _coefficients(settings.momentum, settings.nesterov, lr, shrink, steps)


@lru_cache(maxsize=64)
def _coefficients(momentum: float, nesterov: bool, lr: float, shrink: float, steps: int) -> Coefficients:
    unit = np.eye(steps + 2)  # coordinates: start, gradients, constant
    weights, velocity = unit[0], np.zeros(steps + 2)
    table = [weights]
    for step in range(steps):
        gradient = unit[1 + step] + shrink * weights + unit[-1]
        velocity = momentum * velocity + gradient
        weights = weights - lr * (gradient + momentum * velocity if nesterov else velocity)
        table.append(weights)
    rows = np.array(table)
    rows.flags.writeable = False
    return Coefficients(rows[:, 0], rows[:, 1:-1], rows[:, -1], is_plain=not momentum and not shrink)
