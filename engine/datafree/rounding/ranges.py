"""What a model's normalization layers tell of its activations, so that no data is needed to know their ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erf

import numpy as np

from engine.datafree.rounding.folding import Folded, Moments, fold_graph, statistics_of
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import Layer, elements
from engine.models.layers import (
    Add,
    AvgPool2d,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Tanh,
)

_KEEPING = (Dropout, MaxPool2d, AvgPool2d, GlobalAvgPool)
"""What keeps each channel within its range."""


@dataclass(frozen=True)
class Known:
    """What is known of a tensor: channel by channel, or by element where it has one axis, (C,) float64.

    Attributes:
        low: smallest values.
        high: largest values.
        moments: means and standard deviations; None if only the range is known.
    """

    low: np.ndarray
    high: np.ndarray
    moments: Moments | None


def tells_all(graph: Graph) -> bool:
    """Whether the normalization layers of a model tell the range of each of its activations."""
    folded = fold_graph(graph)
    return set(_told(folded, statistics_of(graph))) >= {node.name for node in folded.nodes}


def by_statistics(model: Folded, sigmas: float, low: np.ndarray, high: np.ndarray) -> dict[str, Known]:
    """What normalization layers tell of the tensors, by name; a tensor that they tell nothing of is not there.

    A channel is taken as normally distributed with the learned mean and deviation. What follows is computed: rectified,
    summed up as if independent, or passed through weights as if its channels were independent. Pooling is taken to
    leave a channel as it is, which is too wide rather than too narrow.

    Args:
        model: a model without normalization layers, with their statistics.
        sigmas: half the width of a range in standard deviations.
        low: smallest value of an input, one number per channel.
        high: largest value, likewise.
    """
    found = {INPUT: Known(low.astype(np.float64), high.astype(np.float64), None)}
    told = _told(model.graph, model.statistics)
    for node in model.graph.nodes:
        if node.name in model.statistics:
            found[node.name] = _normal(model.statistics[node.name], sigmas)
        elif node.name in told:
            found[node.name] = _after(node, model, [found[name] for name in node.inputs if name in found], sigmas)
    return found


def _told(graph: Graph, statistics: Mapping[str, object] | frozenset[str]) -> dict[str, bool]:
    """The tensors of which something is known, by name, with whether their moments are."""
    found = {INPUT: False}
    for node in graph.nodes:
        before = [found.get(name) for name in node.inputs]
        if node.name in statistics:
            found[node.name] = True
        elif isinstance(node.layer, Tanh | Sigmoid):
            found[node.name] = False
        elif isinstance(node.layer, Conv2d | Linear):
            if before == [True]:
                found[node.name] = True
        elif isinstance(node.layer, (ReLU, Flatten, Add, Concat, *_KEEPING)) and None not in before:
            found[node.name] = all(before)
    return found


def _normal(moments: Moments, sigmas: float) -> Known:
    spread = sigmas * moments.std
    return Known(moments.mean - spread, moments.mean + spread, moments)


def _after(node: Node, model: Folded, before: Sequence[Known], sigmas: float) -> Known:
    """What is known behind a layer, given what is known before it."""
    layer = node.layer
    if isinstance(layer, Conv2d | Linear):
        moments = before[0].moments
        assert moments is not None  # else it would not be told
        return _normal(_weighed(layer, node.name, model.weights, moments), sigmas)
    if isinstance(layer, Tanh | Sigmoid):
        ends = np.ones(elements(model.graph.shapes()[node.name][:1]))
        return Known(-ends if isinstance(layer, Tanh) else 0 * ends, ends, None)
    if isinstance(layer, ReLU):
        known = before[0]
        return Known(np.maximum(known.low, 0), np.maximum(known.high, 0), known.moments and rectified(known.moments))
    if isinstance(layer, Flatten):
        channels = len(before[0].low)
        return _each(before[0], elements(model.graph.shapes()[node.name]) // channels)
    if isinstance(layer, Add):
        return _sum(before)
    return _joined(before) if isinstance(layer, Concat) else before[0]


def rectified(moments: Moments) -> Moments:
    """Moments of max(0, x) for normally distributed x (Nagel et al. 2019, appendix C)."""
    std = np.maximum(moments.std, 1e-12)
    place = moments.mean / std
    below = np.array([(1 + erf(value / np.sqrt(2))) / 2 for value in place])
    density = np.exp(-(place**2) / 2) / np.sqrt(2 * np.pi)
    mean = std * density + moments.mean * below
    square = (moments.mean**2 + std**2) * below + moments.mean * std * density
    return Moments(mean, np.sqrt(np.maximum(square - mean**2, 0)))


def mean_through(layer: Layer, weight: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Mean output of a convolution or fully connected layer without bias, given the mean of its input's channels.

    Padding is left out of account: at the border a convolution sees zeros instead.
    """
    if isinstance(layer, Conv2d):
        groups = mean.reshape(layer.groups, -1)
        by_output = weight.sum(axis=(2, 3)).reshape(layer.groups, -1, groups.shape[1])
        found: np.ndarray = np.einsum("goi,gi->go", by_output, groups).reshape(-1)
        return found
    product: np.ndarray = weight @ mean
    return product


def _weighed(layer: Layer, name: str, weights: Mapping[str, np.ndarray], moments: Moments) -> Moments:
    weight = weights[f"{name}.weight"].astype(np.float64)
    mean = mean_through(layer, weight, moments.mean) + weights.get(f"{name}.bias", 0.0)
    return Moments(mean, np.sqrt(mean_through(layer, weight**2, moments.std**2)))


def _sum(before: Sequence[Known]) -> Known:
    low, high = (sum(getattr(known, end) for known in before) for end in ("low", "high"))
    moments = [known.moments for known in before if known.moments is not None]
    if len(moments) < len(before):
        return Known(np.asarray(low), np.asarray(high), None)
    mean, variance = sum(each.mean for each in moments), sum(each.std**2 for each in moments)
    return Known(np.asarray(low), np.asarray(high), Moments(np.asarray(mean), np.sqrt(variance)))


def _joined(before: Sequence[Known]) -> Known:
    low, high = (np.concatenate([getattr(known, end) for known in before]) for end in ("low", "high"))
    moments = [known.moments for known in before if known.moments is not None]
    if len(moments) < len(before):
        return Known(low, high, None)
    return Known(
        low,
        high,
        Moments(np.concatenate([each.mean for each in moments]), np.concatenate([each.std for each in moments])),
    )


def _each(known: Known, times: int) -> Known:
    """The same for every element of a channel, row by row."""
    low, high = np.repeat(known.low, times), np.repeat(known.high, times)
    moments = known.moments and Moments(np.repeat(known.moments.mean, times), np.repeat(known.moments.std, times))
    return Known(low, high, moments)
