"""The contract of a layer as data: shapes, weights and work, told from the shapes of its inputs."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from engine.core.errors import EngineError
from engine.core.operators import OperatorClass

Shape = tuple[int, ...]
"""Shape of one sample's tensor, without the batch axis."""

Shapes = tuple[Shape, ...]
"""Shapes of a layer's inputs, in order."""

FLOAT_BYTES = 4
"""Bytes of one number of a weight or an activation (float32)."""


INDEX_BYTES = 8
"""Bytes of a token, and of a position that max pooling keeps for the backward pass (int64)."""


class ShapeError(EngineError):
    """A layer does not fit the shape of its input."""

    code = "does_not_fit"


@dataclass(frozen=True)
class Uniform:
    """Initial values from a uniform distribution over (-bound, bound)."""

    bound: float


@dataclass(frozen=True)
class Normal:
    """Initial values from a normal distribution of mean 0."""

    std: float


@dataclass(frozen=True)
class Constant:
    """Initial values that are all equal."""

    value: float


Law = Uniform | Normal | Constant
"""The law of a weight's initial values."""


@dataclass(frozen=True)
class Weight:
    """One weight tensor of a layer: its name within the layer, shape and law of its initial values."""

    name: str
    shape: Shape
    law: Law
    is_buffer: bool = False
    """Whether it is state that is not trained (running statistics)."""


class Layer(ABC):
    """One operation with named inputs; a frozen dataclass of its hyperparameters, free of any framework."""

    kind: ClassVar[str]
    """Stable name of the operation, such as ``conv``."""
    is_view: ClassVar[bool] = False
    """Whether the output shares the input's memory."""
    is_identity_in_use: ClassVar[bool] = False
    """Whether it does nothing outside training."""
    saves_input: ClassVar[bool] = False
    """Whether the backward pass needs the input."""
    saves_output: ClassVar[bool] = False
    """Whether the backward pass needs the output."""
    num_inputs: ClassVar[int | None] = 1
    """How many inputs it takes; None for two or more."""

    @abstractmethod
    def output_shape(self, inputs: Shapes) -> Shape:
        """Shape of the output.

        Raises:
            ShapeError: the inputs do not fit.
        """

    def weights(self, inputs: Shapes) -> tuple[Weight, ...]:
        """The weights for inputs of these shapes."""
        return ()

    def macs(self, inputs: Shapes) -> dict[OperatorClass, int]:
        """Multiply-accumulate operations of the forward pass of one sample, by class of operator."""
        return {}

    def saved_bytes(self, inputs: Shapes) -> int:
        """Bytes per sample that the backward pass needs besides the input and the output."""
        return 0


def elements(shape: Shape) -> int:
    """Number of elements of a tensor."""
    return prod(shape)


def one_of_rank(inputs: Shapes, rank: int, what: str) -> Shape:
    """The only input, after a check of its number of axes.

    Args:
        inputs: shapes of the inputs.
        rank: number of axes that the layer needs.
        what: these axes in words, ``channels, height, width``.

    Raises:
        ShapeError: it has another number of axes.
    """
    (shape,) = inputs
    if len(shape) != rank:
        raise ShapeError(f"needs an input with {rank} axes ({what}), not one of shape {text_of(shape)}")
    return shape


def text_of(shape: Sequence[int]) -> str:
    """A shape in words, ``3x32x32``."""
    return "x".join(map(str, shape)) or "()"
