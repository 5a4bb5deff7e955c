"""Networks of students: small networks side by side that meet in one last layer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engine.core.errors import EngineError
from engine.core.sample import SampleSpec
from engine.inference.cuts.parts import Part
from engine.inference.cuts.pieces import Pieces, join
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import Layer, Shape
from engine.models.layers import (
    Add,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Linear,
    ReLU,
)

JOINED, HEAD = "joined", "head"
"""Names of the nodes in which students meet."""

Weights = Mapping[str, np.ndarray]
"""Weights and buffers by name, as in :meth:`Graph.parameters`."""


@dataclass(frozen=True)
class Branch:
    """One student in a network of students.

    Attributes:
        name: of the student; the names of its nodes begin with it.
        nodes: its layers, in order.
        num_outputs: numbers that it sends to the last layer for each sample.
    """

    name: str
    nodes: tuple[Node, ...]
    num_outputs: int

    @property
    def output(self) -> str:
        """Name of the node whose output it sends."""
        return self.nodes[-1].name

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of its layers."""
        return tuple(node.name for node in self.nodes)


@dataclass(frozen=True)
class StudentNetwork:
    """Students side by side and the last layer that they share, as one declared network.

    No student reads another one; the last layer reads what all of them send, one after the other.

    Attributes:
        sample: shape and meaning of the input.
        branches: the students.
    """

    sample: SampleSpec
    branches: tuple[Branch, ...]

    @cached_property
    def graph(self) -> Graph:
        """The whole network."""
        nodes = [node for branch in self.branches for node in branch.nodes]
        features = self.branches[0].output
        if len(self.branches) > 1:
            features = JOINED
            nodes.append(Node(JOINED, Concat(), tuple(branch.output for branch in self.branches)))
        nodes.append(Node(HEAD, Linear(self.sample.num_classes), (features,)))
        return Graph(self.sample, tuple(nodes), output=HEAD, features=features)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Which inputs of the last layer each student sends."""
        ends = np.cumsum([branch.num_outputs for branch in self.branches]).tolist()
        return tuple(slice(end - branch.num_outputs, end) for branch, end in zip(self.branches, ends, strict=True))

    def pieces(self) -> Pieces:
        """One piece per student, and the last layer where the answer is wanted.

        Each student reads the input and sends its numbers; nothing else travels.
        """
        last = [HEAD] if len(self.branches) == 1 else [JOINED, HEAD]
        shares = [(branch.name, [Part(name) for name in branch.node_names]) for branch in self.branches]
        found = join(self.graph, [*shares, (HEAD, [Part(name) for name in last])])
        pinned = replace(found.pieces[-1], pinned="sink")
        return replace(found, pieces=(*found.pieces[:-1], pinned), exact=False)

    def student(self, number: int) -> Graph:
        """One student with its slice of the last layer, without bias: its share of the logits.

        The sum of all shares, and the bias of the last layer, are the logits of the whole network.
        """
        branch = self.branches[number]
        head = Node(HEAD, Linear(self.sample.num_classes, bias=False), (branch.output,))
        return Graph(self.sample, (*branch.nodes, head), output=HEAD, features=branch.output)

    def student_weights(self, number: int, weights: Weights) -> dict[str, np.ndarray]:
        """The weights of :meth:`student`, out of those of the whole network."""
        own = {info.name: weights[info.name] for info in self.student(number).parameters() if info.name in weights}
        columns = weights[f"{HEAD}.weight"][:, self.slices[number]]
        return {**own, f"{HEAD}.weight": np.ascontiguousarray(columns)}


def knowledge_students(sample: SampleSpec, backbones: Sequence[Graph], sizes: Sequence[int]) -> StudentNetwork:
    """Students that each learn some filters of a teacher.

    Each is a small network without its classifier, and a bridge to its filters: a 1x1 convolution without bias,
    normalization, ReLU and an average over the picture. After a network of fully connected layers the bridge is one
    such layer and ReLU. A network that normalizes its last sum only before the classifier leaves that to the bridge.

    Args:
        sample: shape and meaning of the input.
        backbones: the small network of each student.
        sizes: number of filters that each learns.

    Source: Bhardwaj et al., NoNN, arXiv 1907.11804, section 4.3; repository SLDGroup/NoNN_framework.
    """
    branches = [
        _branch(f"student{number}", backbone, body_end(backbone), bridge(backbone, size))
        for number, (backbone, size) in enumerate(zip(backbones, sizes, strict=True))
    ]
    return StudentNetwork(sample, tuple(branches))


def ensemble_students(sample: SampleSpec, members: Sequence[Graph]) -> StudentNetwork:
    """Whole small networks whose logits are averaged by the last layer, see :func:`ensemble_weights`."""
    branches = [_branch(f"student{number}", member, member.output, []) for number, member in enumerate(members)]
    return StudentNetwork(sample, tuple(branches))


def ensemble_weights(network: StudentNetwork, members: Sequence[Weights]) -> dict[str, np.ndarray]:
    """The weights of an ensemble, from those of its members, trained one by one: the last layer is the mean."""
    classes = network.sample.num_classes
    found = {
        f"{branch.name}_{name}": value
        for branch, weights in zip(network.branches, members, strict=True)
        for name, value in weights.items()
    }
    mean = np.tile(np.eye(classes, dtype=np.float32), len(members)) / np.float32(len(members))
    return {**found, f"{HEAD}.weight": mean, f"{HEAD}.bias": np.zeros(classes, np.float32)}


def bridge(backbone: Graph, num_filters: int) -> list[tuple[str, Layer]]:
    """The layers between a small network without its classifier and the filters that it learns."""
    if len(_shape_at(backbone, body_end(backbone))) == 1:
        return [("bridge", Linear(num_filters)), ("bridge_relu", ReLU())]
    return [
        ("bridge", Conv2d(num_filters, 1, bias=False)),
        ("bridge_norm", BatchNorm2d()),
        ("bridge_relu", ReLU()),
        ("bridge_pool", GlobalAvgPool()),
    ]


def body_end(graph: Graph) -> str:
    """The last node of a network that a bridge can read: a picture where there is one.

    Raises:
        EngineError: the network has a time axis.
    """
    nodes = {node.name: node for node in graph.nodes}
    end = _before_tail(graph)
    if len(_shape_at(graph, end)) == 3 and isinstance(nodes[end].layer, ReLU):
        norm = nodes.get(nodes[end].inputs[0])
        if norm is not None and isinstance(norm.layer, BatchNorm2d):
            source = nodes.get(norm.inputs[0])
            if source is not None and isinstance(source.layer, Add):
                return source.name
    return end


def num_filters(graph: Graph) -> int:
    """Filters of a teacher: channels of the last picture before its classifier, or its penultimate features.

    Raises:
        EngineError: the network has a time axis.
    """
    return _shape_at(graph, _before_tail(graph))[0]


def pooled(graph: Graph, features: np.ndarray) -> np.ndarray:
    """(N, C) mean activation of each filter, from penultimate features (N, d), which may be a flattened picture.

    A mean below 0, which a last layer without ReLU may have, counts as inactive: students end in ReLU.
    """
    shape = _shape_at(graph, _before_tail(graph))
    if len(shape) == 3 and features.shape[1] != shape[0]:
        features = features.reshape(len(features), shape[0], -1).mean(axis=2)
    found: np.ndarray = np.maximum(features, 0.0)
    return found


def _before_tail(graph: Graph) -> str:
    """The node whose output the last pooling, flattening and dropping out begin with."""
    if len(graph.shapes()[graph.features]) != 1:
        raise EngineError("students and teachers give one answer per sample; this network has a time axis")
    nodes = {node.name: node for node in graph.nodes}
    end = graph.features
    while _is_tail(nodes, end):
        end = nodes[end].inputs[0]
    return end


def _is_tail(nodes: Mapping[str, Node], name: str) -> bool:
    """Whether a node only pools, flattens or drops a tensor that layers before it made."""
    node = nodes.get(name)
    if node is None or not isinstance(node.layer, (GlobalAvgPool, Flatten, Dropout)):
        return False
    return node.inputs[0] != INPUT


def _shape_at(graph: Graph, name: str) -> Shape:
    return graph.shapes()[name]


def _branch(name: str, graph: Graph, end: str, further: Sequence[tuple[str, Layer]]) -> Branch:
    """What of a graph leads to a node, and further layers, under names that begin with the branch's."""
    nodes = [
        Node(f"{name}_{node.name}", node.layer, tuple(_renamed(name, source) for source in node.inputs))
        for node in _leading_to(graph, end)
    ]
    for own, layer in further:
        nodes.append(Node(f"{name}_{own}", layer, (nodes[-1].name,)))
    width = further[0][1] if further else None
    match width:
        case Conv2d(out_channels=count) | Linear(out_features=count):
            return Branch(name, tuple(nodes), count)
        case _:
            return Branch(name, tuple(nodes), _shape_at(graph, end)[0])


def _renamed(branch: str, node: str) -> str:
    return INPUT if node == INPUT else f"{branch}_{node}"


def _leading_to(graph: Graph, end: str) -> Iterator[Node]:
    """The nodes that a node depends on, and itself, in order."""
    wanted = {end}
    for node in reversed(graph.nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
    yield from (node for node in graph.nodes if node.name in wanted)
