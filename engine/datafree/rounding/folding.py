"""Batch normalization as part of the layers around it, as in use it is: one factor and one shift per channel."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.models.graph import Graph, Node
from engine.models.layers import BATCH_NORM_EPSILON, BatchNorm2d, Conv2d


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of a tensor's channels (of its elements, where it has one axis), (C,) float64."""

    mean: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class Folded:
    """A model without normalization layers that computes the same.

    Attributes:
        graph: the network.
        weights: its weights by name, float32.
        statistics: moments that the normalization layers had learned of the data, by the name of the tensor: the input
            of a convolution that was a normalization layer, and the output of all that took one up. Before any ReLU.
    """

    graph: Graph
    weights: Mapping[str, np.ndarray]
    statistics: Mapping[str, Moments]


def fold_graph(graph: Graph) -> Graph:
    """The network without normalization layers, which is what a device runs.

    A normalization after a convolution that nothing else reads goes into that convolution. Any other becomes a 1x1
    convolution of each channel by itself, under its own name.
    """
    folded = _folded(graph)
    renamed: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        if node.name in folded:
            renamed[node.name] = folded[node.name]
            continue
        layer = node.layer
        if node.name in folded.values() and isinstance(layer, Conv2d):
            layer = replace(layer, bias=True)
        if isinstance(layer, BatchNorm2d):
            channels = graph.shapes()[node.name][0]
            layer = Conv2d(channels, 1, groups=channels)
        nodes.append(Node(node.name, layer, tuple(renamed.get(name, name) for name in node.inputs)))
    return Graph(graph.sample, tuple(nodes), graph.output, renamed.get(graph.features, graph.features))


def fold(graph: Graph, weights: Mapping[str, np.ndarray]) -> Folded:
    """The model without normalization layers, with what those knew of the data.

    Args:
        graph: the network.
        weights: its weights and buffers by name.
    """
    folded, kept = _folded(graph), dict(weights)
    statistics: dict[str, Moments] = {}
    for node in graph.nodes:
        if not isinstance(node.layer, BatchNorm2d):
            continue
        scale, shift, mean, variance = (
            kept.pop(f"{node.name}.{name}").astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + BATCH_NORM_EPSILON)
        host = folded.get(node.name)
        if host is None:
            kept[f"{node.name}.weight"] = factor.reshape(-1, 1, 1, 1).astype(np.float32)
            kept[f"{node.name}.bias"] = (shift - mean * factor).astype(np.float32)
            statistics.setdefault(folded.get(node.inputs[0], node.inputs[0]), Moments(mean, np.sqrt(variance)))
        else:
            weight = kept[f"{host}.weight"]
            before = kept.get(f"{host}.bias", np.zeros(len(weight), dtype=np.float32)).astype(np.float64)
            kept[f"{host}.weight"] = (weight * factor.reshape(-1, 1, 1, 1)).astype(np.float32)
            kept[f"{host}.bias"] = ((before - mean) * factor + shift).astype(np.float32)
        statistics[host or node.name] = Moments(shift, np.abs(scale))
    result = fold_graph(graph)
    return Folded(result, {info.name: kept[info.name] for info in result.parameters()}, statistics)


def statistics_of(graph: Graph) -> frozenset[str]:
    """The names of the tensors of which :func:`fold` will give statistics."""
    folded = _folded(graph)
    found: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.layer, BatchNorm2d):
            host = folded.get(node.name)
            found |= {host} if host else {node.name, folded.get(node.inputs[0], node.inputs[0])}
    return frozenset(found)


def _folded(graph: Graph) -> dict[str, str]:
    """The convolution that takes up each normalization layer, by the layer's name."""
    uses = [name for node in graph.nodes for name in node.inputs]
    layers = {node.name: node.layer for node in graph.nodes}
    return {
        node.name: node.inputs[0]
        for node in graph.nodes
        if isinstance(node.layer, BatchNorm2d)
        and isinstance(layers.get(node.inputs[0]), Conv2d)
        and uses.count(node.inputs[0]) == 1
    }
