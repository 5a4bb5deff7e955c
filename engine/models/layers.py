"""The vocabulary of model declarations: every layer as a frozen dataclass of its hyperparameters."""

from collections.abc import Sequence
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

Pair = int | tuple[int, int]
"""One number for height and width, or one each."""

INDEX_BYTES = 8
"""Bytes of a position that max pooling keeps for the backward pass, and of a token (int64)."""


def pair(value: Pair) -> tuple[int, int]:
    """Height and width of a :data:`Pair`."""
    return (value, value) if isinstance(value, int) else value


def window_output(size: Sequence[int], kernel: Pair, stride: Pair, padding: Pair) -> tuple[int, int]:
    """Height and width of what a sliding window yields; a window that does not fit whole is dropped.

    Raises:
        ShapeError: the window is larger than the padded input.
    """
    padded = [length + 2 * pad for length, pad in zip(size, pair(padding), strict=True)]
    if any(length < window for length, window in zip(padded, pair(kernel), strict=True)):
        window = text_of(pair(kernel))
        raise ShapeError(f"has a window of {window}, larger than its (padded) input of {text_of(padded)}")
    height, width = (
        (length - window) // step + 1 for length, window, step in zip(padded, pair(kernel), pair(stride), strict=True)
    )
    return height, width


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


@dataclass(frozen=True)
class BatchNorm2d(Layer):
    """Batch normalization per channel; running statistics with momentum 0.1, epsilon 1e-5."""

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


@dataclass(frozen=True)
class ElementWise(Layer):
    """A function of each element; the backward pass needs only what it returned."""

    saves_output: ClassVar[bool] = True

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        return inputs[0]

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        return {"other": elements(inputs[0])}


@dataclass(frozen=True)
class ReLU(ElementWise):
    """max(0, x)."""

    kind: ClassVar[str] = "relu"


@dataclass(frozen=True)
class Tanh(ElementWise):
    """Hyperbolic tangent."""

    kind: ClassVar[str] = "tanh"


@dataclass(frozen=True)
class Sigmoid(ElementWise):
    """Logistic function."""

    kind: ClassVar[str] = "sigmoid"


@dataclass(frozen=True)
class Flatten(Layer):
    """All axes in one, row by row; the memory is shared with the input."""

    kind: ClassVar[str] = "flatten"
    is_view: ClassVar[bool] = True

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        return (elements(inputs[0]),)


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each element is zero with that probability, the others are scaled up; in use it does nothing."""

    kind: ClassVar[str] = "dropout"
    is_identity_in_use: ClassVar[bool] = True

    probability: float

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        return inputs[0]

    def saved_bytes(self, inputs: Shapes) -> int:
        """The mask, one number per element."""
        return FLOAT_BYTES * elements(inputs[0])


@dataclass(frozen=True)
class Add(Layer):
    """Sum of two or more tensors of one shape (residual connections)."""

    kind: ClassVar[str] = "add"
    num_inputs: ClassVar[int | None] = None

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        if len(set(inputs)) != 1:
            raise ShapeError(f"needs inputs of one shape, not {', '.join(map(text_of, inputs))}")
        return inputs[0]

    @override
    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        return {"other": elements(inputs[0]) * (len(inputs) - 1)}


@dataclass(frozen=True)
class Concat(Layer):
    """Two or more tensors one after the other along the first axis (channels, or features)."""

    kind: ClassVar[str] = "concat"
    num_inputs: ClassVar[int | None] = None

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        if any(not shape for shape in inputs) or len({shape[1:] for shape in inputs}) != 1:
            raise ShapeError(f"needs inputs that differ in the first axis only, not {', '.join(map(text_of, inputs))}")
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


def _with_bias(shape: Shape, *, has_bias: bool) -> tuple[Weight, ...]:
    """Weight of shape (outputs, inputs per output...) and bias, initialized as torch does.

    Kaiming-uniform with a = sqrt(5) has the bound sqrt(6 / ((1 + 5) * fan_in)) = 1 / sqrt(fan_in), and so has the bias.
    """
    law = Uniform(1 / sqrt(elements(shape[1:])))
    weight = Weight("weight", shape, law)
    return (weight, Weight("bias", shape[:1], law)) if has_bias else (weight,)
