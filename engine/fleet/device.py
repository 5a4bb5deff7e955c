"""A kind of device: how fast it computes by operator class, how much it remembers, and what it draws."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from engine.core.component import Component
from engine.core.figure import Figure
from engine.core.operators import OperatorClass
from engine.core.quantity import Quantity
from engine.fleet.rates import ColdRates, MacRate, TrainingPasses

DeviceClass = Literal["board", "phone", "microcontroller", "gateway", "server", "accelerator"]
"""What kind of thing a device is: it decides its picture and its place in lists, never its cost."""

Precision = Literal["float", "int8"]
"""Arithmetic of a computation: ``float`` is 32 bits."""

Power = Annotated[Figure, Quantity("W", ge=0)]

DEPTHWISE_SHARE = 1 / 18
"""Depthwise over dense convolution speed where a device has no figure of its own: the geometric mean of the catalogue's
processors that ncnn was measured on. Whole networks of depthwise convolutions are only two to three times slower per
operation, as nine tenths of their work is dense."""

STAND_INS: Mapping[OperatorClass, tuple[OperatorClass, float, str]] = {
    "linear": ("conv", 1.0, "no figure read: the dense convolution rate, as both are matrix products in minibatches"),
    "recurrent": ("linear", 1.0, "no figure read: the rate of fully connected layers"),
    "depthwise": (
        "conv",
        DEPTHWISE_SHARE,
        "no figure read: 1/18 of the dense convolution rate, the geometric mean of processors measured with ncnn",
    ),
    "other": ("depthwise", 1.0, "no figure read: the depthwise rate, as memory bounds both"),
}
"""Which class stands in for one without a figure, by which factor, and why."""

TRAINING_PASSES = Figure(
    value=3.0,
    unit="",
    provenance="read",
    source="Kaplan et al., Scaling Laws for Neural Language Models, arXiv 2001.08361, section 2.1",
)
"""Work of a training step in forward passes where a device has no figure of its own: the backward pass takes twice the
forward work, one product for the gradient of the input and one for that of the weights."""


class Device(Component):
    """A kind of device, with a provenance for each figure.

    Speeds are sustained multiply-accumulate rates by operator class: one FLOP/s figure per device is wrong by a factor
    of 2 to 7. A class without a figure takes over that of the nearest class; without any, the device cannot do such
    work.
    """

    name: str = Field(min_length=1, max_length=100)
    """What people call it."""

    device_class: DeviceClass = "board"
    """What kind of thing it is."""

    conv_rate: MacRate = None
    """Speed of dense convolutions in float."""

    depthwise_rate: MacRate = None
    """Speed of depthwise convolutions in float."""

    linear_rate: MacRate = None
    """Speed of fully connected layers in float, in minibatches."""

    recurrent_rate: MacRate = None
    """Speed of recurrent cells in float."""

    other_rate: MacRate = None
    """Speed of element-wise work (activations, normalization, optimizer) in float, one operation per element."""

    int8_conv_rate: MacRate = None
    """Speed of dense convolutions in 8-bit integers."""

    int8_depthwise_rate: MacRate = None
    """Speed of depthwise convolutions in 8-bit integers."""

    int8_linear_rate: MacRate = None
    """Speed of fully connected layers in 8-bit integers."""

    cold: ColdRates | None = None
    """Speeds of the first pass after a pause; as fast as later ones if left out."""

    training: TrainingPasses | None = None
    """How much longer training takes than a forward pass; three times as long if left out."""

    fast_memory_bytes: Annotated[Figure | None, Quantity("B", gt=0)] = None
    """Cache or inner memory for which the speeds hold; if left out, they hold for any amount of data."""

    slow_share: Annotated[Figure | None, Quantity("", gt=0, le=1)] = None
    """Speed on data that lies outside of the fast memory, as a share of the speed within; 1 if left out."""

    ram_bytes: Annotated[Figure, Quantity("B", gt=0)]
    """Memory that a task can use, after operating system and runtime."""

    flash_bytes: Annotated[Figure | None, Quantity("B", ge=0)] = None
    """Permanent storage; unknown if left out."""

    active_power_w: Power
    """Power of the whole device while it computes."""

    idle_power_w: Power
    """Power of the whole device while it waits, radio not counted."""

    note: str = ""
    """What one should know about the figures."""

    def rate(self, operator: OperatorClass, precision: Precision = "float") -> Figure | None:
        """The speed for that kind of work; None if no figure is known and none can be taken over.

        A class without a figure of its own takes over that of the nearest class (``STAND_INS``), marked as recalled.
        """
        field = f"{operator}_rate" if precision == "float" else f"int8_{operator}_rate"
        own: Figure | None = getattr(self, field, None)
        if own is not None or operator not in STAND_INS:
            return own
        nearest, share, reason = STAND_INS[operator]
        other = self.rate(nearest, precision)
        if other is None:
            return None
        return Figure(value=other.value * share, unit=other.unit, provenance="recalled", source=reason)

    def cold_rate(self, operator: OperatorClass) -> Figure | None:
        """The speed of the first pass after a pause, in float; that of later ones where it is not known."""
        known = None if self.cold is None else self.cold.of(operator)
        return self.rate(operator) if known is None else known

    def training_passes(self, operator: OperatorClass) -> Figure:
        """Work of a training step on one sample in forward passes."""
        known = None if self.training is None else self.training.of(operator)
        return TRAINING_PASSES if known is None else known
