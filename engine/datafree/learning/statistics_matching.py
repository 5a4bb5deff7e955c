"""Images moved by gradients until normalization layers see in them the statistics that they learned."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from engine.data.pixels import Pixels
from engine.datafree.images.views import MeanVariance, TeacherView
from engine.datafree.learning.adam import Trained, adam_
from engine.models.graph import Graph
from engine.models.layers import BATCH_NORM_EPSILON

Tensors = Mapping[str, np.ndarray]


def matched(graph: Graph, weights: Tensors, working: Tensors, steps: range, lr: float) -> dict[str, np.ndarray]:
    """The working tensors after some steps of Adam.

    Args:
        graph: the network, with its normalization layers.
        weights: its weights and buffers by name.
        working: ``images`` (N, C, H, W), Adam's moments ``first`` and ``second``, and the valid range ``low`` and
            ``high`` (C, H, W).
        steps: numbers of the steps, from 0.
        lr: rate of Adam.
    """
    teacher = TeacherView(graph, weights, _pixels(working))
    images, first, second, low, high = (
        torch.from_numpy(np.array(working[name])) for name in ("images", "first", "second", "low", "high")
    )
    trained = Trained(images, first, second)
    for step in steps:
        seen = images.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(distance(teacher.forward(seen).batch_norm, teacher.batch_norm_targets), seen)
        adam_([trained], [gradient], step, lr=lr)
        torch.clamp(images, low, high, out=images)
    return {**working, "images": images.numpy(), "first": first.numpy(), "second": second.numpy()}


def distance(seen: list[MeanVariance], targets: list[MeanVariance]) -> Tensor:
    """How far means and standard deviations lie from those that were learned: squares, summed over all layers."""
    terms = [
        (mean - wanted_mean).square().sum() + (_deviation(variance) - _deviation(wanted)).square().sum()
        for (mean, variance), (wanted_mean, wanted) in zip(seen, targets, strict=True)
    ]
    return torch.stack(terms).sum()


def _deviation(variance: Tensor) -> Tensor:
    return (variance + BATCH_NORM_EPSILON).sqrt()


def _pixels(working: Tensors) -> Pixels:
    """The constants of which the valid range was made: 0 became low, 1 became high."""
    low, high = (working[name].astype(np.float64)[:, 0, 0] for name in ("low", "high"))
    std = 1 / (high - low)
    return Pixels(tuple(map(float, -low * std)), tuple(map(float, std)))
