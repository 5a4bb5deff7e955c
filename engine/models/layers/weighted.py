"""The layers with weights: fully connected, convolution, normalization, embedding, recurrent cells."""

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar, Literal

from typing_extensions import override

from engine.core.operators import OperatorClass
from engine.models.layer import (
    FLOAT_BYTES,
    Constant,
    Layer,
    Normal,
    Shape,
    ShapeError,
    Shapes,
    Uniform,
    Weight,
    elements,
    one_of_rank,
    text_of,
)
from engine.models.layers.window import Pair, pair, window_output


@dataclass(frozen=True)
class Linear(Layer):
    """Fully connected layer over the last axis; a time axis before it is kept."""

    kind: ClassVar[str] = "linear"
    saves_input: ClassVar[bool] = True

    out_features: int
    bias: bool = True

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        if len(shape) not in (1, 2):
            raise ShapeError(f"needs features, or time and features, not an input of shape {text_of(shape)}")
        return (*shape[:-1], self.out_features)

    @override
    def weights(self, inputs: Shapes) -> tuple[Weight, ...]:
        return _with_bias((self.out_features, inputs[0][-1]), has_bias=self.bias)

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        return {"linear": elements(inputs[0]) * self.out_features}


@dataclass(frozen=True)
class Conv2d(Layer):
    """Two-dimensional convolution (cross-correlation) with zero padding."""

    kind: ClassVar[str] = "conv"
    saves_input: ClassVar[bool] = True

    out_channels: int
    kernel_size: Pair
    stride: Pair = 1
    padding: Pair = 0
    groups: int = 1
    bias: bool = True

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        channels, *size = one_of_rank(inputs, 3, "channels, height, width")
        if channels % self.groups or self.out_channels % self.groups:
            raise ShapeError(f"has {self.groups} groups, not a divisor of {channels} and {self.out_channels} channels")
        return (self.out_channels, *window_output(size, self.kernel_size, self.stride, self.padding))

    @override
    def weights(self, inputs: Shapes) -> tuple[Weight, ...]:
        return _with_bias(self._filters(inputs), has_bias=self.bias)

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        operator: OperatorClass = "depthwise" if self.groups == inputs[0][0] > 1 else "conv"
        return {operator: elements(self.output_shape(inputs)) * elements(self._filters(inputs)[1:])}

    def _filters(self, inputs: Shapes) -> Shape:
        return (self.out_channels, inputs[0][0] // self.groups, *pair(self.kernel_size))


BATCH_NORM_EPSILON = 1e-5
"""What batch normalization adds to a variance before its root."""


@dataclass(frozen=True)
class BatchNorm2d(Layer):
    """Batch normalization per channel; running statistics with momentum 0.1, epsilon :data:`BATCH_NORM_EPSILON`."""

    kind: ClassVar[str] = "batch_norm"
    saves_input: ClassVar[bool] = True

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        return one_of_rank(inputs, 3, "channels, height, width")

    @override
    def weights(self, inputs: Shapes) -> tuple[Weight, ...]:
        shape = inputs[0][:1]
        return (
            Weight("weight", shape, Constant(1.0)),
            Weight("bias", shape, Constant(0.0)),
            Weight("running_mean", shape, Constant(0.0), is_buffer=True),
            Weight("running_var", shape, Constant(1.0), is_buffer=True),
        )

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        return {"other": elements(inputs[0])}


@dataclass(frozen=True)
class Embedding(Layer):
    """A vector per token; integer input (T,), output (T, features)."""

    kind: ClassVar[str] = "embedding"
    saves_input: ClassVar[bool] = True

    num_tokens: int
    features: int

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        return (*one_of_rank(inputs, 1, "time"), self.features)

    @override
    def weights(self, inputs: Shapes) -> tuple[Weight, ...]:
        return (Weight("weight", (self.num_tokens, self.features), Normal(1.0)),)


@dataclass(frozen=True)
class Recurrent(Layer):
    """One layer of GRU or LSTM cells over the time axis: one node, however long the sequence.

    The initial state is zero. Work is that of one step times T; for training the memory is that of all unrolled steps.
    """

    kind: ClassVar[str] = "recurrent"
    saves_input: ClassVar[bool] = True

    cell: Literal["gru", "lstm"]
    hidden: int
    return_sequence: bool = False
    """Whether the output is the state at every step (T, hidden) or only at the last (hidden,)."""

    @property
    def num_gates(self) -> int:
        """Blocks of rows of the cell's weights: 3 for GRU, 4 for LSTM."""
        return 3 if self.cell == "gru" else 4

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        steps, _ = one_of_rank(inputs, 2, "time, features")
        return (steps, self.hidden) if self.return_sequence else (self.hidden,)

    @override
    def weights(self, inputs: Shapes) -> tuple[Weight, ...]:
        rows, law = self.num_gates * self.hidden, Uniform(1 / sqrt(self.hidden))
        return (
            Weight("weight_ih_l0", (rows, inputs[0][1]), law),
            Weight("weight_hh_l0", (rows, self.hidden), law),
            Weight("bias_ih_l0", (rows,), law),
            Weight("bias_hh_l0", (rows,), law),
        )

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        steps, features = inputs[0]
        return {"recurrent": steps * self.num_gates * self.hidden * (features + self.hidden)}

    def saved_bytes(self, inputs: Shapes) -> int:
        """Seven numbers per unit and step, as torch's cells of either kind keep when they are unrolled.

        LSTM: four gates, the cell, its tanh and the state. GRU: three gates, the state, and three intermediate terms of
        candidate and blend.
        """
        return FLOAT_BYTES * inputs[0][0] * 7 * self.hidden


def _with_bias(shape: Shape, *, has_bias: bool) -> tuple[Weight, ...]:
    """Weight of shape (outputs, inputs per output...) and bias, initialized as torch does.

    Kaiming-uniform with a = sqrt(5) has the bound sqrt(6 / ((1 + 5) * fan_in)) = 1 / sqrt(fan_in), and so has the bias.
    """
    law = Uniform(1 / sqrt(elements(shape[1:])))
    weight = Weight("weight", shape, law)
    return (weight, Weight("bias", shape[:1], law)) if has_bias else (weight,)
