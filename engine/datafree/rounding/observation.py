"""What synthetic inputs show of a model's activations: each tensor's range and the means of its channels."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from engine.datafree.rounding.folding import Moments
from engine.datafree.rounding.quantized_module import built
from engine.datafree.rounding.ranges import Known
from engine.models.graph import INPUT, Graph
from engine.training.arrays import as_tensor

BATCH = 64
"""Inputs that run through the model at once."""


def by_images(graph: Graph, weights: Mapping[str, np.ndarray], images: np.ndarray) -> dict[str, Known]:
    """What the inputs make of every tensor, by name.

    Args:
        graph: the network.
        weights: its weights by name.
        images: (N, *sample.shape).
    """
    module = built(graph, weights)
    sums: dict[str, _Sums] = {}

    def watch(name: str, x: Tensor) -> None:
        sums.setdefault(name, _Sums()).add(x)

    handles = [
        child.register_forward_hook(lambda _, __, output, name=name: watch(name, output))
        for name, child in module.named_children()
    ]
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            batch = as_tensor(np.ascontiguousarray(images[start : start + BATCH]))
            watch(INPUT, batch)
            module(batch)
    for handle in handles:
        handle.remove()
    return {name: each.known() for name, each in sums.items()}


class _Sums:
    """Range and moments of the channels of one tensor over several batches."""

    def __init__(self) -> None:
        self._count = 0
        self._low: np.ndarray | None = None
        self._high: np.ndarray | None = None
        self._sum = self._squares = np.zeros(1)

    def add(self, x: Tensor) -> None:
        """Take in a batch: (B, C), (B, C, H, W), or (B, T, C)."""
        by_channel = x.double().movedim(1 if x.ndim != 3 else 2, 0).flatten(1)
        low, high = by_channel.min(dim=1).values.numpy(), by_channel.max(dim=1).values.numpy()
        self._low = low if self._low is None else np.minimum(self._low, low)
        self._high = high if self._high is None else np.maximum(self._high, high)
        self._count += by_channel.shape[1]
        self._sum = self._sum + by_channel.sum(dim=1).numpy()
        self._squares = self._squares + by_channel.square().sum(dim=1).numpy()

    def known(self) -> Known:
        """What was seen."""
        assert self._low is not None
        assert self._high is not None
        mean = self._sum / self._count
        variance = np.maximum(self._squares / self._count - mean**2, 0)
        return Known(self._low, self._high, Moments(mean, np.sqrt(variance)))
