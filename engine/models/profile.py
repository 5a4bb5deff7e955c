"""What a declared model costs: work by class of operator, bytes and memory, by arithmetic on the graph."""

from collections import Counter
from dataclasses import dataclass
from math import prod

from engine.core.operators import OPERATOR_CLASSES, OperatorClass
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import FLOAT_BYTES, Shape
from engine.models.liveness import peak_bytes, storage


@dataclass(frozen=True)
class LayerRow:
    """One line of the table of a model.

    Attributes:
        name: name of the node.
        kind: kind of its layer.
        inputs: names of what it reads.
        output_shape: shape of its output per sample.
        num_parameters: trained parameters.
        macs: work of the forward pass per sample, by class.
        output_bytes: bytes of its output per sample.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    output_shape: Shape
    num_parameters: int
    macs: dict[OperatorClass, int]
    output_bytes: int


@dataclass(frozen=True)
class Profile:
    """The cost of a model, per sample where it depends on the batch.

    Attributes:
        graph: the model.
        macs: multiply-accumulate operations of one sample's forward pass; every class is there.
        num_parameters: trained parameters.
        parameter_bytes: bytes of weights and buffers as float32.
        peak_activation_bytes: most bytes of activations alive at once when one sample is classified.
        saved_bytes: bytes per sample that training keeps from the forward to the backward pass.
        gradient_bytes: most bytes per sample of gradients of activations alive in the backward pass.
    """

    graph: Graph
    macs: dict[OperatorClass, int]
    num_parameters: int
    parameter_bytes: int
    peak_activation_bytes: int
    saved_bytes: int
    gradient_bytes: int

    @property
    def total_macs(self) -> int:
        """Multiply-accumulate operations as papers count them: without element-wise work."""
        return sum(count for operator, count in self.macs.items() if operator != "other")

    @property
    def inference_bytes(self) -> int:
        """Memory to classify one sample: weights and the peak of activations."""
        return self.parameter_bytes + self.peak_activation_bytes

    def training_bytes(self, batch: int, optimizer_copies: int = 0) -> int:
        """Memory to train on a batch: weights, buffers, gradients, the optimizer's copies and activations.

        Args:
            batch: samples per step.
            optimizer_copies: tensors of the size of the weights that the optimizer or the strategy keeps (momentum: 1).
        """
        trained = FLOAT_BYTES * self.num_parameters
        activations = batch * (self.saved_bytes + self.gradient_bytes)
        return self.parameter_bytes + trained * (1 + optimizer_copies) + activations

    def rows(self) -> tuple[LayerRow, ...]:
        """The table of layers, in order."""
        return tuple(self._row(node) for node in self.graph.nodes)

    def _row(self, node: Node) -> LayerRow:
        inputs = self.graph.input_shapes(node)
        return LayerRow(
            name=node.name,
            kind=node.layer.kind,
            inputs=node.inputs,
            output_shape=self.graph.shapes()[node.name],
            num_parameters=sum(prod(weight.shape) for weight in node.layer.weights(inputs) if not weight.is_buffer),
            macs=node.layer.macs(inputs),
            output_bytes=self.graph.tensor_bytes(node.name),
        )


def profile(graph: Graph) -> Profile:
    """Work, bytes and memory of a model."""
    macs: Counter[OperatorClass] = Counter()
    for node in graph.nodes:
        macs.update(node.layer.macs(graph.input_shapes(node)))
    return Profile(
        graph=graph,
        macs={operator: macs[operator] for operator in OPERATOR_CLASSES},
        num_parameters=graph.num_parameters,
        parameter_bytes=graph.parameter_bytes,
        peak_activation_bytes=_peak_bytes(graph),
        saved_bytes=_saved_bytes(graph),
        gradient_bytes=_gradient_bytes(graph),
    )


def _peak_bytes(graph: Graph) -> int:
    return peak_bytes(graph, storage(graph), {name: graph.tensor_bytes(name) for name in graph.shapes()})


def _saved_bytes(graph: Graph) -> int:
    """Bytes that the backward pass needs: each tensor once, however many layers need it.

    A layer before the first one with weights keeps nothing, since no gradient passes through it.
    """
    place = storage(graph, training=True)
    with_gradient: set[str] = set()
    saved: set[str] = set()
    extra = 0
    for node in graph.nodes:
        if not node.layer.weights(graph.input_shapes(node)) and with_gradient.isdisjoint(node.inputs):
            continue
        with_gradient.add(node.name)
        if node.layer.saves_input:
            saved.update(place[name] for name in node.inputs)
        if node.layer.saves_output:
            saved.add(place[node.name])
        extra += node.layer.saved_bytes(graph.input_shapes(node))
    return extra + sum(map(graph.tensor_bytes, saved))


def _gradient_bytes(graph: Graph) -> int:
    """Gradients of a layer's output and of its inputs are alive together in its backward step."""
    return max(
        graph.tensor_bytes(node.name) + sum(graph.tensor_bytes(name) for name in node.inputs if name != INPUT)
        for node in graph.nodes
    )
