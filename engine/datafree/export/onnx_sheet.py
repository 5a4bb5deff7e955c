"""A pen for ONNX graphs: nodes with named outputs, stored tensors, and pairs of quantize and dequantize nodes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.datafree.rounding.quantized import Grid, Quantized

OPSET = 21
"""The first version of the operators that knows tensors of 4 bits."""

IR_VERSION = 10
"""The file format that belongs to it."""


class OnnxSheet:
    """An ONNX graph in the making.

    Args:
        weights: weights by name, as floats.
        quantized: the model whose whole numbers take their place; None for a model of floats.
    """

    def __init__(self, weights: Mapping[str, np.ndarray], quantized: Quantized | None = None) -> None:
        self.nodes: list[Any] = []
        self.stored: list[Any] = []
        self._weights = weights
        self._integers = quantized.integers if quantized else {}
        self._biases = quantized.integer_biases if quantized else {}
        self._read: dict[str, str] = {}
        self._grids: dict[Grid, list[str]] = {}

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node with one output; gives the output's name."""
        return self.add_several(operator, inputs, [output], **attributes)

    def add_several(self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        """Add a node with several outputs, of which unused ones have no name; gives the last one's name."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, outputs, name=outputs[-1], **attributes))
        return outputs[-1]

    def store(self, name: str, array: np.ndarray) -> str:
        """Store a tensor in the file; gives its name."""
        from onnx import numpy_helper

        self.stored.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def has(self, name: str) -> bool:
        """Whether there is a weight of that name."""
        return name in self._weights or name in self._integers

    def floats(self, name: str) -> np.ndarray:
        """A weight that is stored as floats."""
        return self._weights[name]

    def weight(self, name: str) -> str:
        """Store a weight; gives the name of the float tensor that a layer reads."""
        if name in self._biases:
            values, scale = self._biases[name]
            return self._dequantized(name, values, scale if scale.size > 1 else scale.reshape(()), None)
        if name not in self._integers:
            return self.store(name, self._weights[name])
        weight = self._integers[name]
        values, zero = weight.values, np.array(weight.zero_point, dtype=np.int8)
        if weight.bits == 4:
            import ml_dtypes

            values, zero = values.astype(ml_dtypes.int4), zero.astype(ml_dtypes.int4)
        scale = weight.scale if weight.is_per_channel else weight.scale.reshape(())
        return self._dequantized(name, values, scale, np.broadcast_to(zero, scale.shape))

    def _dequantized(self, name: str, values: np.ndarray, scale: np.ndarray, zero: np.ndarray | None) -> str:
        parts = [self.store(f"{name}_quantized", values), self.store(f"{name}_scale", scale.astype(np.float32))]
        if zero is not None:
            parts.append(self.store(f"{name}_zero_point", zero))
        axis = {"axis": 0} if scale.ndim else {}
        return self.add("DequantizeLinear", parts, name, **axis)

    def on_grid(self, name: str, grid: Grid) -> None:
        """Round a tensor to a grid; layers that read it read what comes out."""
        if grid not in self._grids:  # a runtime sees by the same names that a grid is kept
            scale = self.store(f"{name}_scale", np.array(grid.scale, dtype=np.float32))
            zero = self.store(f"{name}_zero_point", np.array(grid.zero_point, dtype=np.int8))
            self._grids[grid] = [scale, zero]
        whole = self.add("QuantizeLinear", [self.read(name), *self._grids[grid]], f"{name}_quantized")
        self._read[name] = self.add("DequantizeLinear", [whole, *self._grids[grid]], f"{name}_dequantized")

    def same(self, name: str, other: str) -> None:
        """Let a tensor be another one."""
        self._read[name] = self.read(other)

    def read(self, name: str) -> str:
        """What a layer that reads a tensor names as its input."""
        return self._read.get(name, name)
