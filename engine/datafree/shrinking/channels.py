"""Which channels of a network stand or fall together, told from its declaration, and the network without some of them.

A residual sum ties channel 3 of all that it adds; a depthwise convolution, a normalization or a pool keeps channel 3
apart from the others but cannot lose it alone; a flattened picture ties each channel to a block of the next layer's
inputs. Channels that are tied form one class, and classes that the same layers make form a group.

Source: G. Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023, section 3, by arithmetic on the declared
graph instead of a trace.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import Layer, Shape
from engine.models.layers import Add, Concat, Conv2d, Flatten, Linear

Weights = Mapping[str, np.ndarray]
"""Weights and buffers by name, as in :meth:`Graph.parameters`."""

Classes = NDArray[np.int64]
"""The class of each channel of a tensor."""

FIXED = 0
"""The class of channels that must stay: those of the input and the classes of the output."""


class NotPrunable(EngineError):
    """A network has layers whose channels cannot be told apart."""

    code = "not_prunable"


@dataclass(frozen=True)
class ChannelGroup:
    """Classes of channels that the same layers make.

    Attributes:
        producers: names of these convolutions and fully connected layers, in order.
        classes: (n,) the classes, one per channel of a producer.
    """

    producers: tuple[str, ...]
    classes: Classes


@dataclass(frozen=True)
class Channels:
    """The channels of a network by class.

    Attributes:
        graph: the network.
        classes: class of each channel of every node's output, and of ``input``.
        groups: all classes that may be removed, by the layers that make them.
        num_classes: number of classes, the fixed one included; classes are 0 to ``num_classes - 1``.
    """

    graph: Graph
    classes: Mapping[str, Classes]
    groups: tuple[ChannelGroup, ...]
    num_classes: int

    def filters(self, node: Node, weights: Weights) -> NDArray[np.float64]:
        """The weights that make each channel of a node's output, (channels, weights of one)."""
        weight = weights[f"{node.name}.weight"]
        return weight.reshape(len(weight), -1).astype(np.float64)

    def producers(self) -> tuple[Node, ...]:
        """The layers that make channels, which may be removed."""
        names = {name for group in self.groups for name in group.producers}
        return tuple(node for node in self.graph.nodes if node.name in names)


def channels_of(graph: Graph) -> Channels:
    """The channels of a network, by what must stay together.

    Raises:
        NotPrunable: it has other than pictures and features.
    """
    ties = _Ties()
    labels: dict[str, Classes] = {INPUT: np.full(graph.sample.shape[0], FIXED, dtype=np.int64)}
    makers: dict[str, Classes] = {}
    for node in graph.nodes:
        inputs = [labels[name] for name in node.inputs]
        if _makes_channels(node.layer, graph.input_shapes(node)[0]):
            labels[node.name] = makers[node.name] = ties.fresh(graph.shapes()[node.name][0])
            if isinstance(node.layer, Conv2d) and node.layer.groups > 1:  # groups of several channels stay as they are
                ties.tie(inputs[0], FIXED)
                ties.tie(labels[node.name], FIXED)
        else:
            labels[node.name] = _passed_on(node, inputs, graph, ties)
    ties.tie(labels[graph.output], FIXED)
    numbers = ties.numbers()
    classes = {name: numbers[label] for name, label in labels.items()}
    made = {name: numbers[label] for name, label in makers.items()}
    return Channels(graph, classes, _groups(made), int(numbers.max()) + 1)


class _Ties:
    """Channels in the making: each begins as a class of its own, and ties make two classes one."""

    def __init__(self) -> None:
        self._parents = [FIXED]

    def fresh(self, count: int) -> Classes:
        start = len(self._parents)
        self._parents += range(start, start + count)
        return np.arange(start, start + count)

    def tie(self, first: Classes, second: Classes | int) -> None:
        for one, other in np.broadcast(first, second):
            low, high = sorted((self._root(int(one)), self._root(int(other))))
            self._parents[high] = low

    def numbers(self) -> Classes:
        """The class of every channel, counted without gaps in the order of the layers; the fixed one is 0."""
        roots = np.array([self._root(label) for label in range(len(self._parents))])
        return np.unique(roots, return_inverse=True)[1].astype(np.int64)

    def _root(self, label: int) -> int:
        while self._parents[label] != label:
            self._parents[label] = self._parents[self._parents[label]]
            label = self._parents[label]
        return label


def is_depthwise(layer: Layer, shape: Shape) -> bool:
    """Whether each output channel of a layer comes from one input channel by weights of its own."""
    return isinstance(layer, Conv2d) and layer.groups == shape[0] > 1


def _makes_channels(layer: Layer, shape: Shape) -> bool:
    if isinstance(layer, Conv2d):
        return not is_depthwise(layer, shape)
    return isinstance(layer, Linear)


def _passed_on(node: Node, inputs: list[Classes], graph: Graph, ties: _Ties) -> Classes:
    """The classes of a node that makes no channels: those of its inputs, tied where it needs them together."""
    shape = graph.input_shapes(node)[0]
    match node.layer:
        case Conv2d(out_channels=channels):
            return np.repeat(inputs[0], channels // shape[0])
        case Add():
            for other in inputs[1:]:
                ties.tie(inputs[0], other)
            return inputs[0]
        case Concat():
            return np.concatenate(inputs)
        case Flatten() if len(shape) == 3:
            return np.repeat(inputs[0], shape[1] * shape[2])
        case _ if len(shape) in (1, 3) and not hasattr(node.layer, "cell"):
            return inputs[0]
        case _:
            raise NotPrunable(f"layer {node.name} ({node.layer.kind}) has other than channels of pictures or features")


def _groups(made: Mapping[str, Classes]) -> tuple[ChannelGroup, ...]:
    producers: dict[int, list[str]] = defaultdict(list)
    for name, classes in made.items():
        for number in np.unique(classes):
            producers[int(number)].append(name)
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, names in sorted(producers.items()):
        if number != FIXED:
            groups[tuple(names)].append(number)
    return tuple(ChannelGroup(names, np.array(classes)) for names, classes in groups.items())


def narrowed(channels: Channels, kept: NDArray[np.bool_]) -> Graph:
    """The network with some classes of channels only.

    Args:
        channels: of the network.
        kept: (num_classes,) which classes stay; the fixed one always does.
    """
    graph, stays = channels.graph, _staying(channels, kept)
    nodes = tuple(replace(node, layer=_narrowed(node, stays)) for node in graph.nodes)
    return Graph(graph.sample, nodes, graph.output, graph.features)


def without(channels: Channels, weights: Weights, kept: NDArray[np.bool_]) -> tuple[Graph, dict[str, np.ndarray]]:
    """The network and its weights with some classes of channels only.

    Args:
        channels: of the network.
        weights: of the network.
        kept: (num_classes,) which classes stay; the fixed one always does.
    """
    graph, stays = channels.graph, _staying(channels, kept)
    by_node = {node.name: node for node in graph.nodes}
    cut = {}
    for info in graph.parameters():
        name, _, which = info.name.partition(".")
        node, value = by_node[name], weights[info.name]
        value = value[stays[name]]
        if which == "weight" and getattr(node.layer, "groups", 1) == 1 and value.ndim > 1:
            value = value[:, stays[node.inputs[0]]]
        cut[info.name] = np.ascontiguousarray(value)
    return narrowed(channels, kept), cut


def _staying(channels: Channels, kept: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Which channels of each tensor stay."""
    return {name: kept[classes] | (classes == FIXED) for name, classes in channels.classes.items()}


def _narrowed(node: Node, stays: Mapping[str, NDArray[np.bool_]]) -> Layer:
    count, before = int(stays[node.name].sum()), stays[node.inputs[0]]
    match node.layer:
        case Linear():
            return replace(node.layer, out_features=count)
        case Conv2d() if is_depthwise(node.layer, before.shape):
            return replace(node.layer, out_channels=count, groups=int(before.sum()))
        case Conv2d():
            return replace(node.layer, out_channels=count)
        case _:
            return node.layer
