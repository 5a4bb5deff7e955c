"""The terms of which losses of images are made, as plain differentiable functions."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from engine.datafree.views import Moments


def batch_norm_term(seen: Sequence[Moments], targets: Sequence[Moments]) -> Tensor:
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
    """‖x − x shifted‖₂ of the whole batch, summed over one pixel to the right, down and along both diagonals.

    Source: the public code of H. Yin et al., Dreaming to Distill, CVPR 2020 (equation 3 names the term only).
    """
    differences = (
        x_BCHW[..., :-1] - x_BCHW[..., 1:],
        x_BCHW[..., :-1, :] - x_BCHW[..., 1:, :],
        x_BCHW[..., :-1, :-1] - x_BCHW[..., 1:, 1:],
        x_BCHW[..., 1:, :-1] - x_BCHW[..., :-1, 1:],
    )
    return torch.stack([torch.linalg.vector_norm(difference) for difference in differences]).sum()


def jensen_shannon(logits_BK: Tensor, other_BK: Tensor, *, temperature: float = 3.0) -> Tensor:
    """Jensen-Shannon divergence of two models' softened predictions, mean over the batch, as a share of log 2: 0..1.

    Source: H. Yin et al., Dreaming to Distill, CVPR 2020, equation 8; temperature of its public code.
    """
    first, second = (functional.log_softmax(z / temperature, dim=1) for z in (logits_BK, other_BK))
    middle = torch.logaddexp(first, second) - LOG_2
    halves = [functional.kl_div(middle, log_p, reduction="batchmean", log_target=True) for log_p in (first, second)]
    return (0.5 * (halves[0] + halves[1]) / LOG_2).clamp(0.0, 1.0)


LOG_2 = 0.6931471805599453
