"""Adam over explicit tensors: one fused pass in place, all of its memory in the caller's hands."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adam import adam

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True)
class Trained:
    """A tensor that is optimized, with Adam's running means of its gradient.

    Attributes:
        value: the tensor; changed in place by :func:`adam_`.
        first: running mean of the gradient, of the same shape.
        second: running mean of the squared gradient, of the same shape.
    """

    value: Tensor
    first: Tensor
    second: Tensor

    @classmethod
    def fresh(cls, value: Tensor) -> "Trained":
        """With no past."""
        return cls(value, torch.zeros_like(value), torch.zeros_like(value))


def adam_(
    tensors: Sequence[Trained],
    gradients: Sequence[Tensor],
    steps_before: int,
    *,
    lr: float,
    betas: tuple[float, float] = BETAS,
) -> None:
    """One step of Adam in place.

    Source: D. Kingma, J. Ba, Adam, ICLR 2015, algorithm 1.

    Args:
        tensors: what is optimized.
        gradients: gradient of each of them.
        steps_before: steps taken since their running means were zero.
        lr: step size.
        betas: forgetting factors of the two running means.
    """
    adam(
        [each.value for each in tensors],
        list(gradients),
        [each.first for each in tensors],
        [each.second for each in tensors],
        [],
        [torch.tensor(float(steps_before)) for _ in tensors],
        fused=True,
        amsgrad=False,
        beta1=betas[0],
        beta2=betas[1],
        lr=lr,
        weight_decay=0.0,
        eps=EPSILON,
        maximize=False,
    )
