"""The layers that treat each element by itself."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from engine.core.operators import OperatorClass
from engine.models.layer import FLOAT_BYTES, Layer, Shape, Shapes, elements


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
