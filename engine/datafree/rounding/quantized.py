"""A quantized model as data: whole-number weights with their scales, and the grids on which activations lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import Layer
from engine.models.layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, Recurrent, ReLU

if TYPE_CHECKING:
    from engine.datafree.rounding.quantized_module import QuantizedModule

Tensors = Mapping[str, np.ndarray]
"""Arrays by name."""

LOWEST, HIGHEST = -128, 127
"""Whole numbers of activations: int8."""


@dataclass(frozen=True)
class Grid:
    """The values that an activation of 8 bits can have: ``scale * (q - zero_point)`` for q from -128 to 127.

    Attributes:
        scale: distance of two values, a float32 number above 0.
        zero_point: the q that stands for 0.
    """

    scale: float
    zero_point: int

    @classmethod
    def over(cls, low: float, high: float) -> "Grid":
        """The grid from ``low`` to ``high``, widened so that it holds 0, moved so that 0 is met exactly."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = np.float32(max((high - low) / (HIGHEST - LOWEST), 1e-12))
        zero_point = int(np.clip(np.rint(LOWEST - low / scale), LOWEST, HIGHEST))
        return cls(float(scale), zero_point)

    @property
    def lowest_step(self) -> int:
        """Its smallest value in units of its scale."""
        return LOWEST - self.zero_point

    @property
    def highest_step(self) -> int:
        """Its largest value in units of its scale."""
        return HIGHEST - self.zero_point


@dataclass(frozen=True)
class IntegerWeight:
    """A weight tensor in whole numbers; the weight is ``scale * (values - zero_point)``.

    Attributes:
        values: int8, of the weight's shape, outputs first; within ``bits`` bits.
        scale: float32, one number, (1,), or one per output, (outputs,).
        zero_point: the whole number that stands for 0.
        bits: 8 or 4.
    """

    values: np.ndarray
    scale: np.ndarray
    zero_point: int
    bits: int

    @property
    def is_per_channel(self) -> bool:
        """Whether each output has a scale of its own."""
        return self.scale.size > 1

    def dequantized(self) -> np.ndarray:
        """The weight as float32."""
        shape = (-1, *[1] * (self.values.ndim - 1))
        moved = self.values.astype(np.float32) - np.float32(self.zero_point)
        product: np.ndarray = moved * self.scale.reshape(shape)
        return product

    @property
    def num_bytes(self) -> int:
        """Bytes of values and scales as a file holds them; two numbers of 4 bits share a byte."""
        return (self.values.size * self.bits + 7) // 8 + self.scale.nbytes


@dataclass(frozen=True)
class Quantized:
    """A quantized model.

    Attributes:
        graph: the network without normalization layers.
        integers: whole-number weights by parameter name, ``conv1.weight``.
        floats: all other weights by name: biases, and the weights of layers that stay as they are.
        grids: the grid of every tensor that is quantized, by the name of its node or ``input``; empty where activations
            stay floats.
    """

    graph: Graph
    integers: Mapping[str, IntegerWeight]
    floats: Tensors
    grids: Mapping[str, Grid]

    @cached_property
    def integer_biases(self) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
        """Biases that become int32, by name, with their scale."""
        found = {}
        for node in self.graph.nodes:
            bias, scale = self.floats.get(f"{node.name}.bias"), self._bias_scale(node)
            if bias is not None and scale is not None:
                found[f"{node.name}.bias"] = (np.rint(bias.astype(np.float64) / scale).astype(np.int32), scale)
        return found

    @cached_property
    def effective(self) -> Tensors:
        """The weights that act, as float32, by the names of the graph's parameters."""
        found = dict(self.floats) | {name: weight.dequantized() for name, weight in self.integers.items()}
        for name, (whole, scale) in self.integer_biases.items():
            found[name] = (whole.astype(np.float64) * scale).astype(np.float32)
        return {info.name: found[info.name] for info in self.graph.parameters()}

    @property
    def num_bytes(self) -> int:
        """Bytes of all weights, scales included: what a device's flash holds beside the program."""
        return sum(weight.num_bytes for weight in self.integers.values()) + sum(
            4 * array.size for array in self.floats.values()
        )

    @property
    def mean_bits(self) -> float:
        """Bits of a whole-number weight, on the mean of all of them."""
        sizes = [(weight.values.size, weight.bits) for weight in self.integers.values()]
        return sum(size * bits for size, bits in sizes) / sum(size for size, _ in sizes)

    def module(self) -> "QuantizedModule":
        """The model as a torch module that rounds as the integer one does."""
        from engine.datafree.rounding.quantized_module import QuantizedModule

        return QuantizedModule(self)

    def _bias_scale(self, node: Node) -> np.ndarray | None:
        """Scale of a layer's bias as int32: that of its input times those of its weight; None if it stays a float."""
        weight = self.integers.get(f"{node.name}.weight")
        grid = self.grids.get(node.inputs[0])
        return None if weight is None or grid is None else np.float32(grid.scale) * weight.scale


def quantizable(graph: Graph) -> tuple[Node, ...]:
    """The layers whose weights become whole numbers: convolutions and fully connected ones."""
    return tuple(node for node in graph.nodes if isinstance(node.layer, Conv2d | Linear))


def quantized_tensors(graph: Graph) -> tuple[str, ...]:
    """The tensors that lie on a grid, in order.

    All but the logits, what only recurrent layers read, which compute in floats, and what only one ReLU reads, which is
    one with the layer before.
    """
    readers = readers_of(graph)
    if graph.sample.kind == "tokens":
        del readers[INPUT]
    del readers[graph.output]
    return tuple(name for name, nodes in readers.items() if not _stays_float([node.layer for node in nodes]))


def keeps_grid(node: Node) -> bool:
    """Whether the values that a layer gives are values that it read, so that they lie on the same grid."""
    return isinstance(node.layer, Flatten | MaxPool2d | Dropout)


def _stays_float(readers: Sequence[Layer]) -> bool:
    is_one_with_relu = len(readers) == 1 and isinstance(readers[0], ReLU)
    return is_one_with_relu or all(isinstance(layer, Recurrent) for layer in readers)


def readers_of(graph: Graph) -> dict[str, list[Node]]:
    """The nodes that read each tensor, once per use."""
    found: dict[str, list[Node]] = {INPUT: [], **{node.name: [] for node in graph.nodes}}
    for node in graph.nodes:
        for name in node.inputs:
            found[name].append(node)
    return found
