"""Figures of a device that differ by operator class, beside its sustained speeds."""

from typing import Annotated

from engine.core.component import Component
from engine.core.figure import Figure
from engine.core.operators import OperatorClass
from engine.core.quantity import Quantity

MacRate = Annotated[Figure | None, Quantity("MAC/s", gt=0)]
Passes = Annotated[Figure | None, Quantity("", ge=1, le=1000)]


class ByOperator(Component):
    """A figure for each operator class; a class without one is left out."""

    def of(self, operator: OperatorClass) -> Figure | None:
        """The figure of that class; None if there is none."""
        found: Figure | None = getattr(self, operator)
        return found


class ColdRates(ByOperator):
    """Speeds of the first pass after a pause, when weights and activations have left the caches."""

    conv: MacRate = None
    """Speed of dense convolutions in float."""

    depthwise: MacRate = None
    """Speed of depthwise convolutions in float."""

    linear: MacRate = None
    """Speed of fully connected layers in float."""

    recurrent: MacRate = None
    """Speed of recurrent cells in float."""

    other: MacRate = None
    """Speed of element-wise work in float."""


class TrainingPasses(ByOperator):
    """How many forward passes the forward and the backward pass of a training step take together."""

    conv: Passes = None
    """Of dense convolutions; 3 if left out, since each product of the forward pass has two in the backward pass."""

    depthwise: Passes = None
    """Of depthwise convolutions; 3 if left out."""

    linear: Passes = None
    """Of fully connected layers; 3 if left out."""

    recurrent: Passes = None
    """Of recurrent cells; 3 if left out."""

    other: Passes = None
    """Of element-wise work; 3 if left out."""
