"""The terms of which losses of images are made, as plain differentiable functions."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from engine.datafree.images.views import MeanVariance

LOG_2 = 0.6931471805599453
SMALLEST_NORM = 1e-12

_ALL, _FIRST, _LAST = slice(None), slice(None, -1), slice(1, None)
NEIGHBORS = (
    ((..., _FIRST), (..., _LAST)),
    ((..., _FIRST, _ALL), (..., _LAST, _ALL)),
    ((..., _FIRST, _FIRST), (..., _LAST, _LAST)),
    ((..., _LAST, _FIRST), (..., _FIRST, _LAST)),
)
"""Pairs of pixels whose differences make the total variation, as places of the two: right, down, both diagonals."""


def batch_norm_term(seen: Sequence[MeanVariance], targets: Sequence[MeanVariance]) -> Tensor:
    """How far the statistics of a batch lie from those that the teacher met in training.

    Σ_l ‖μ̂_l − μ_l‖₂ + ‖σ̂²_l − σ²_l‖₂ over all BatchNorm layers.

    Source: H. Yin et al., Dreaming to Distill, CVPR 2020, equation 4.

    Args:
        seen: mean and variance of each layer's input, with gradient.
        targets: the teacher's running statistics.
    """
    distances = [
        torch.linalg.vector_norm(found - wanted)
        for (mean, variance), (running_mean, running_variance) in zip(seen, targets, strict=True)
        for found, wanted in ((mean, running_mean), (variance, running_variance))
    ]
    return torch.stack(distances).sum()


def total_variation(x_BCHW: Tensor) -> Tensor:
    """‖x − x shifted‖₂ of an image, summed over one pixel to the right, down and along both diagonals; batch mean.

    The public code of the source takes the norm over the whole batch: its weight w does what w √B does here, where
    images of a batch do not depend on each other.

    Source: H. Yin et al., Dreaming to Distill, CVPR 2020, equation 3 and public code.
    """
    norms = [torch.linalg.vector_norm(x_BCHW[near] - x_BCHW[far], dim=(1, 2, 3)) for near, far in NEIGHBORS]
    return torch.stack(norms).sum(dim=0).mean()


def mean_norm(x_BCHW: Tensor) -> Tensor:
    """‖x‖₂ of an image, mean over the batch."""
    norms: Tensor = torch.linalg.vector_norm(x_BCHW, dim=(1, 2, 3))
    return norms.mean()


def add_prior_gradient_(gradient_BCHW: Tensor, x_BCHW: Tensor, tv: float, l2: float) -> tuple[Tensor, Tensor]:
    """Add the gradient of ``tv * total_variation(x) + l2 * mean_norm(x)`` in place; gives both values, weighted.

    The closed form spares a graph over six tensors of the size of the batch in every step.
    """
    count, zero = len(x_BCHW), x_BCHW.new_zeros(())
    tv_value, l2_value = zero, zero
    for near, far in NEIGHBORS if tv else ():
        difference = x_BCHW[near] - x_BCHW[far]
        norms = _norms(difference)
        difference *= tv / count / norms
        gradient_BCHW[near] += difference
        gradient_BCHW[far] -= difference
        tv_value = tv_value + tv * norms.mean()
    if l2:
        norms = _norms(x_BCHW)
        gradient_BCHW.addcmul_(x_BCHW, l2 / count / norms)
        l2_value = l2 * norms.mean()
    return tv_value, l2_value


def _norms(x_BCHW: Tensor) -> Tensor:
    """Norm of each image, (B, 1, 1, 1), kept off 0 where it has no gradient."""
    squares: Tensor = torch.einsum("bchw,bchw->b", x_BCHW, x_BCHW)
    return squares.sqrt().clamp_(min=SMALLEST_NORM)[:, None, None, None]


def jensen_shannon(logits_BK: Tensor, other_BK: Tensor, *, temperature: float = 3.0) -> Tensor:
    """Jensen-Shannon divergence of two models' softened predictions, mean over the batch, as a share of log 2: 0..1.

    Source: H. Yin et al., Dreaming to Distill, CVPR 2020, equation 8; temperature of its public code.
    """
    first, second = (functional.log_softmax(z / temperature, dim=1) for z in (logits_BK, other_BK))
    middle = torch.logaddexp(first, second) - LOG_2
    halves = [functional.kl_div(middle, log_p, reduction="batchmean", log_target=True) for log_p in (first, second)]
    return (0.5 * (halves[0] + halves[1]) / LOG_2).clamp(0.0, 1.0)
