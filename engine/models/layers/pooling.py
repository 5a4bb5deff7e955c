"""The layers that shrink a picture."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from engine.core.operators import OperatorClass
from engine.models.layer import INDEX_BYTES, Layer, Shape, Shapes, elements, one_of_rank
from engine.models.layers.window import Pair, pair, window_output


@dataclass(frozen=True)
class MaxPool2d(Layer):
    """Largest value of each window."""

    kind: ClassVar[str] = "max_pool"
    saves_input: ClassVar[bool] = True

    kernel_size: Pair
    stride: Pair | None = None
    """Step of the window; its size if None."""
    padding: Pair = 0

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        channels, *size = one_of_rank(inputs, 3, "channels, height, width")
        stride = self.kernel_size if self.stride is None else self.stride
        return (channels, *window_output(size, self.kernel_size, stride, self.padding))

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        return {"other": elements(self.output_shape(inputs)) * elements(pair(self.kernel_size))}

    @override
    def saved_bytes(self, inputs: Shapes) -> int:
        return INDEX_BYTES * elements(self.output_shape(inputs))


@dataclass(frozen=True)
class AvgPool2d(Layer):
    """Mean of each window."""

    kind: ClassVar[str] = "avg_pool"
    saves_input: ClassVar[bool] = True

    kernel_size: Pair
    stride: Pair | None = None
    """Step of the window; its size if None."""

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        channels, *size = one_of_rank(inputs, 3, "channels, height, width")
        stride = self.kernel_size if self.stride is None else self.stride
        return (channels, *window_output(size, self.kernel_size, stride, 0))

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        return {"other": elements(self.output_shape(inputs)) * elements(pair(self.kernel_size))}


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """Mean of each channel over the whole picture: (C, H, W) to (C,)."""

    kind: ClassVar[str] = "global_avg_pool"

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        return one_of_rank(inputs, 3, "channels, height, width")[:1]

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        return {"other": elements(inputs[0])}
