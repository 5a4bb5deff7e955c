"""A model as data: typed layers as nodes with named inputs, and what follows from their shapes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from engine.core.errors import EngineError
from engine.core.sample import SampleSpec
from engine.models.layer import FLOAT_BYTES, INDEX_BYTES, Law, Layer, Shape, ShapeError, Shapes, elements
from engine.models.layers import Linear

INPUT = "input"
"""The name by which nodes refer to the graph's input."""

Resolution = tuple[int, int]
"""Height and width of a picture within the network."""

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What a node may be called; no dots, since its weights are named ``node.weight``."""


class GraphError(EngineError):
    """A model is declared in a way that no network can have; a fault of the declaration, not of the user."""

    code = "invalid_graph"


@dataclass(frozen=True)
class Node:
    """One layer of a graph with the names of the nodes that it reads."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class ParameterInfo:
    """One weight tensor of a model.

    Attributes:
        name: as in the torch module's state dict, ``conv1.weight``.
        shape: shape of the tensor, float32.
        kind: kind of its layer, such as ``linear``, ``conv`` or ``batch_norm``.
        is_buffer: whether it is state that is not trained (running statistics).
        place: which of the layers with weights it belongs to, counted from 0 at the input.
        num_places: number of layers with weights; those of the classifier have place ``num_places - 1``.
        law: law of its initial values.
    """

    name: str
    shape: Shape
    kind: str
    is_buffer: bool
    place: int
    num_places: int
    law: Law

    @property
    def num_elements(self) -> int:
        """Number of its elements."""
        return elements(self.shape)


@dataclass(frozen=True)
class Cut:
    """A place between two nodes where a graph can be split over devices.

    Attributes:
        after: name of the last node before the cut.
        tensors: names of the nodes (or ``input``) whose outputs cross it.
        num_bytes: bytes per sample that cross it.
    """

    after: str
    tensors: tuple[str, ...]
    num_bytes: int


@dataclass(frozen=True)
class Graph:
    """A model declared as data, in an order in which every node follows those that it reads.

    Attributes:
        sample: shape and meaning of the input.
        nodes: the layers.
        output: name of the last node, a :class:`Linear` that gives the logits, (K,) or (T, K).
        features: name of the node whose output is the input of ``output``: the penultimate features.

    Raises:
        GraphError: names or connections are wrong.
        ShapeError: a layer does not fit its input.
    """

    sample: SampleSpec
    nodes: tuple[Node, ...]
    output: str
    features: str

    def __post_init__(self) -> None:
        known = {INPUT}
        for node in self.nodes:
            if not NAME.fullmatch(node.name) or node.name in known:
                raise GraphError(f"node name {node.name!r} is taken or not of the form {NAME.pattern}")
            if missing := [name for name in node.inputs if name not in known]:
                raise GraphError(f"node {node.name} reads {', '.join(missing)} before it is made")
            count = node.layer.num_inputs
            if len(node.inputs) != count and (count is not None or len(node.inputs) < 2):
                wanted = count or "two or more"
                raise GraphError(f"node {node.name} has {len(node.inputs)} inputs, its layer takes {wanted}")
            known.add(node.name)
        last = self.nodes[-1] if self.nodes else None
        if last is None or last.name != self.output or not isinstance(last.layer, Linear):
            raise GraphError(f"the output {self.output!r} must be the last node and a Linear layer")
        if last.inputs != (self.features,):
            raise GraphError(f"the features {self.features!r} must be the input of {self.output}")
        self.shapes()

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {INPUT: self.sample.shape}
        for node in self.nodes:
            try:
                shapes[node.name] = node.layer.output_shape(tuple(shapes[name] for name in node.inputs))
            except ShapeError as error:
                raise ShapeError(f"layer {node.name} {error}") from error
        return shapes

    def shapes(self) -> Mapping[str, Shape]:
        """Shape of every node's output by name, and of ``input``, without the batch axis."""
        return MappingProxyType(self._shapes)

    def input_shapes(self, node: Node) -> Shapes:
        """Shapes of what a node reads."""
        return tuple(self._shapes[name] for name in node.inputs)

    def tensor_bytes(self, name: str) -> int:
        """Bytes per sample of a node's output, or of ``input``."""
        is_token = name == INPUT and self.sample.kind == "tokens"
        return elements(self._shapes[name]) * (INDEX_BYTES if is_token else FLOAT_BYTES)

    @cached_property
    def _parameters(self) -> tuple[ParameterInfo, ...]:
        weights = [(node, node.layer.weights(self.input_shapes(node))) for node in self.nodes]
        with_weights = [(node, found) for node, found in weights if found]
        return tuple(
            ParameterInfo(
                name=f"{node.name}.{weight.name}",
                shape=weight.shape,
                kind=node.layer.kind,
                is_buffer=weight.is_buffer,
                place=place,
                num_places=len(with_weights),
                law=weight.law,
            )
            for place, (node, found) in enumerate(with_weights)
            for weight in found
        )

    def parameters(self) -> tuple[ParameterInfo, ...]:
        """All weight tensors, buffers included, in the order of the torch module's state dict."""
        return self._parameters

    @property
    def num_parameters(self) -> int:
        """Number of trained parameters; buffers are not counted, as is usual."""
        return sum(info.num_elements for info in self._parameters if not info.is_buffer)

    @property
    def parameter_bytes(self) -> int:
        """Bytes of all weights and buffers as float32: what a full model message carries."""
        return FLOAT_BYTES * sum(info.num_elements for info in self._parameters)

    @cached_property
    def last_use(self) -> Mapping[str, int]:
        """Number of the last node that reads each tensor; the output is read after the end."""
        uses = {name: place for place, node in enumerate(self.nodes) for name in node.inputs}
        uses[self.output] = len(self.nodes)
        return MappingProxyType(uses)

    @cached_property
    def stages(self) -> Mapping[Resolution, str]:
        """The last tensor of each resolution stage by its height and width: a picture that all that follows comes from.

        A stage is the part of the network that works at one resolution, with at least one layer with weights; pictures
        of one pixel are none. Its tensor is the last of that size that alone crosses a cut, such as the sum or ReLU
        after the last residual block. A network of fully connected layers has no stages.
        """
        sizes = {self._shapes[node.name][1:] for node in self.nodes if node.layer.weights(self.input_shapes(node))}
        found: dict[Resolution, str] = {}
        for cut in self.cuts():
            shape = self._shapes[cut.after]
            if cut.tensors == (cut.after,) and len(shape) == 3 and shape[1:] in sizes and shape[1:] != (1, 1):
                found[shape[1], shape[2]] = cut.after
        return MappingProxyType(found)

    def cuts(self) -> tuple[Cut, ...]:
        """The cut after each node but the last, in order; a recurrent cell is one node, so no cut goes through it."""
        return tuple(self._cut(place) for place in range(len(self.nodes) - 1))

    def _cut(self, place: int) -> Cut:
        made = (INPUT, *(node.name for node in self.nodes[: place + 1]))
        crossing = tuple(name for name in made if self.last_use.get(name, -1) > place)
        return Cut(self.nodes[place].name, crossing, sum(map(self.tensor_bytes, crossing)))


def chain(sample: SampleSpec, layers: Iterable[tuple[str, Layer]]) -> Graph:
    """A graph whose layers follow each other; the last one must be the classifier.

    Args:
        sample: shape and meaning of the input.
        layers: name and layer of each node.
    """
    nodes: list[Node] = []
    previous = INPUT
    for name, layer in layers:
        nodes.append(Node(name, layer, (previous,)))
        previous = name
    return Graph(sample, tuple(nodes), output=nodes[-1].name, features=nodes[-1].inputs[0])
