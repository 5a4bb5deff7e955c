"""The layers that rearrange or join tensors."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from engine.core.operators import OperatorClass
from engine.models.layer import Layer, Shape, ShapeError, Shapes, elements, text_of


@dataclass(frozen=True)
class Flatten(Layer):
    """All axes in one, row by row; the memory is shared with the input."""

    kind: ClassVar[str] = "flatten"
    is_view: ClassVar[bool] = True

    @override
    def output_shape(self, inputs: Shapes) -> Shape:
        return (elements(inputs[0]),)


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
