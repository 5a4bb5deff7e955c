"""Two layers in a row made easier to round without any change of what they compute."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.datafree.rounding.folding import Folded, Moments
from engine.datafree.rounding.quantized import readers_of
from engine.models.graph import Graph, Node
from engine.models.layers import AvgPool2d, Conv2d, Dropout, Flatten, GlobalAvgPool, Linear, MaxPool2d, ReLU

_HOMOGENEOUS = (ReLU, MaxPool2d, AvgPool2d, GlobalAvgPool, Flatten, Dropout)
"""Layers that a factor above 0 of a channel goes through: f(s x) = s f(x)."""

CLOSE = 1e-3
"""Factors this near to 1 end the repetitions."""

MOST_ROUNDS = 40
"""Repetitions at most."""

DEVIATIONS = 3.0
"""Standard deviations below the mean that a shift leaves alone (Nagel et al. 2019, section 4.1)."""


@dataclass(frozen=True)
class Couple:
    """Two layers with weights with nothing between them but layers that a factor goes through.

    Attributes:
        first: the layer whose outputs are scaled.
        second: the only layer that reads them.
        between: what stands between, in order.
        channels: outputs of the first.
    """

    first: Node
    second: Node
    between: tuple[Node, ...]
    channels: int


def couples(graph: Graph) -> tuple[Couple, ...]:
    """The pairs of layers that can be equalized, in order."""
    return tuple(_couples(graph))


def _couples(graph: Graph) -> Iterator[Couple]:
    readers = readers_of(graph)
    for first in graph.nodes:
        if not isinstance(first.layer, Conv2d | Linear) or len(graph.shapes()[first.name]) == 2:
            continue
        between: list[Node] = []
        last = first
        while len(readers[last.name]) == 1:
            last = readers[last.name][0]
            if isinstance(last.layer, Conv2d | Linear):
                yield Couple(first, last, tuple(between), graph.shapes()[first.name][0])
                break
            if not isinstance(last.layer, _HOMOGENEOUS):
                break
            between.append(last)


def equalized(model: Folded) -> Folded:
    """The same model with the ranges of weights equal on both sides of each channel between two layers.

    With r1 and r2 the largest weights from and to channel i, the first layer is divided and the second multiplied by
    s_i = sqrt(r1 r2) / r2 (Nagel et al. 2019, section 4.1), again and again until nothing changes. Channels without a
    weight on one side are left.
    """
    weights = {name: value.astype(np.float64) for name, value in model.weights.items()}
    statistics = dict(model.statistics)
    pairs = couples(model.graph)
    for _ in range(MOST_ROUNDS):
        largest = max((_equalize(couple, weights, statistics) for couple in pairs), default=0.0)
        if largest < CLOSE:
            break
    return replace(
        model, weights={name: value.astype(np.float32) for name, value in weights.items()}, statistics=statistics
    )


def _equalize(couple: Couple, weights: dict[str, np.ndarray], statistics: dict[str, Moments]) -> float:
    """Equalize one couple in place; how far the factors are from 1."""
    name, follower = couple.first.name, couple.second
    weight = weights[f"{name}.weight"]
    view = _by_input(couple, weights[f"{follower.name}.weight"])
    before = np.abs(weight.reshape(couple.channels, -1)).max(axis=1)
    after = np.abs(view).max(axis=(1, 3)).reshape(-1)
    is_used = (before > 0) & (after > 0)
    factor = np.where(is_used, np.sqrt(np.where(is_used, before, 1) / np.where(is_used, after, 1)), 1.0)
    weights[f"{name}.weight"] = weight / factor.reshape(-1, *[1] * (weight.ndim - 1))
    if f"{name}.bias" in weights:
        weights[f"{name}.bias"] = weights[f"{name}.bias"] / factor
    scaled = view * factor.reshape(view.shape[0], 1, view.shape[2], 1)
    weights[f"{follower.name}.weight"] = scaled.reshape(weights[f"{follower.name}.weight"].shape)
    if (moments := statistics.get(name)) is not None:
        statistics[name] = Moments(moments.mean / factor, moments.std / factor)
    return float(np.abs(factor - 1).max())


def absorbed(model: Folded) -> Folded:
    """The same model with high biases moved from a layer into the next, so that activations span less.

    For a channel of mean b and deviation g behind the first layer, c = max(0, b - 3 g) is taken off its bias, and what
    c would have given is added to the second layer's (Nagel et al. 2019, section 4.1): exact wherever the activation
    is above c. Only where exactly one ReLU stands between and the second layer has no padding, whose zeros carry no c.
    """
    weights = {name: value.astype(np.float64) for name, value in model.weights.items()}
    statistics = dict(model.statistics)
    for couple in couples(model.graph):
        name, second = couple.first.name, couple.second
        moments = statistics.get(name)
        rectifiers = [node for node in couple.between if isinstance(node.layer, ReLU)]
        is_padded = isinstance(second.layer, Conv2d) and second.layer.padding not in (0, (0, 0))
        if moments is None or len(rectifiers) != 1 or is_padded or f"{second.name}.bias" not in weights:
            continue
        shift = np.maximum(0, moments.mean - DEVIATIONS * moments.std)
        weights[f"{name}.bias"] = weights[f"{name}.bias"] - shift
        view = _by_input(couple, weights[f"{second.name}.weight"]).sum(axis=3)
        carried = np.einsum("goi,gi->go", view, shift.reshape(view.shape[0], view.shape[2])).reshape(-1)
        weights[f"{second.name}.bias"] = weights[f"{second.name}.bias"] + carried
        statistics[name] = Moments(moments.mean - shift, moments.std)
    return replace(
        model, weights={name: value.astype(np.float32) for name, value in weights.items()}, statistics=statistics
    )


def _by_input(couple: Couple, weight: np.ndarray) -> np.ndarray:
    """The second layer's weight as (groups, outputs per group, the first's channels per group, elements of each)."""
    layer = couple.second.layer
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    each = weight[0].size * groups // couple.channels
    return weight.reshape(groups, len(weight) // groups, couple.channels // groups, each)
