"""What a network takes on a device at each precision: bytes of its weights in flash, of its activations in memory.

All of it follows from the declaration, so it is known before anything is trained.
"""

from dataclasses import dataclass
from typing import Literal

from engine.core.memory import remembered
from engine.datafree.rounding.folding import fold_graph
from engine.datafree.rounding.quantized import quantizable, quantized_tensors
from engine.models.graph import Graph
from engine.models.layer import FLOAT_BYTES, elements
from engine.models.liveness import peak_bytes, storage

Precision = Literal["fp32", "int8", "int4"]
"""Numbers of a network on a device: ``fp32`` throughout, ``int8`` weights and activations, or ``int4`` weights with
``int8`` activations."""

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8", "int4")
"""All of them, from the largest."""

BITS = {"fp32": 32, "int8": 8, "int4": 4}
"""Bits of a weight."""

GRID_BYTES = FLOAT_BYTES + 1
"""Bytes of a scale (float32) and its zero point (8 bits): one per output of a layer, and one per quantized tensor."""


@dataclass(frozen=True)
class Footprint:
    """What a network takes at one precision.

    Attributes:
        precision: of its numbers.
        weight_bytes: weights, and for whole numbers their scales, zero points and biases of 32 bits.
        activation_bytes: most bytes of activations alive at once when one sample is classified.
    """

    precision: Precision
    weight_bytes: int
    activation_bytes: int


def footprint(graph: Graph, precision: Precision) -> Footprint:
    """What a device needs for a network, whose normalization layers are folded into the layers before.

    In whole numbers each convolution and fully connected layer has a scale and a zero point per output and biases of 32
    bits, each tensor of activations a scale and a zero point; the logits stay floats, and a ReLU is computed with the
    layer before.
    """
    return remembered(graph, ("footprint", precision), lambda: _footprint(fold_graph(graph), precision))


def _footprint(graph: Graph, precision: Precision) -> Footprint:
    if precision == "fp32":
        sizes = {name: graph.tensor_bytes(name) for name in graph.shapes()}
        return Footprint(precision, graph.parameter_bytes, peak_bytes(graph, storage(graph), sizes))
    return Footprint(precision, _integer_weight_bytes(graph, BITS[precision]), _integer_peak_bytes(graph))


def _integer_weight_bytes(graph: Graph, bits: int) -> int:
    whole = {f"{node.name}.weight" for node in quantizable(graph)}
    total = GRID_BYTES * len(quantized_tensors(graph))
    for info in graph.parameters():
        if info.name in whole:
            total += (info.num_elements * bits + 7) // 8 + GRID_BYTES * info.shape[0]
        else:
            total += FLOAT_BYTES * info.num_elements  # biases are int32, all else stays float32
    return total


def _integer_peak_bytes(graph: Graph) -> int:
    """One byte per element of what lies on a grid; a tensor and what shares its memory are as wide as the whole is."""
    place, whole = storage(graph, fused=True), set(quantized_tensors(graph))
    is_whole = {place[name] for name in whole}
    sizes = {
        name: elements(shape) if name in is_whole else graph.tensor_bytes(name)
        for name, shape in graph.shapes().items()
    }
    return peak_bytes(graph, place, sizes)
