"""A kind of device: how fast it computes by operator class, how much it remembers, and what it draws."""

from typing import Annotated, Literal

from pydantic import Field

from engine.core.component import Component
from engine.core.figure import Figure
from engine.core.operators import OperatorClass
from engine.core.quantity import Quantity

DeviceClass = Literal["board", "phone", "microcontroller", "gateway", "server", "accelerator"]
"""What kind of thing a device is: it decides its picture and its place in lists, never its cost."""

Precision = Literal["float", "int8"]
"""Arithmetic of a computation: ``float`` is 32 bits."""

MacRate = Annotated[Figure | None, Quantity("MAC/s", gt=0)]
Power = Annotated[Figure, Quantity("W", ge=0)]


class Device(Component):
    """A kind of device, with a provenance for each figure.

    Speeds are sustained multiply-accumulate rates by operator class: one FLOP/s figure per device is wrong by a factor of
    2 to 7. A class without a figure cannot run on the device.
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
        """The speed for that kind of work; None if no figure is known.

        With 8-bit integers, fully connected, recurrent and element-wise work runs at the dense convolution's rate, whose
        kernels are the same integer dot products.
        """
        if precision == "float":
            figure: Figure | None = getattr(self, f"{operator}_rate")
            return figure
        if operator == "depthwise":
            return self.int8_depthwise_rate
        rate = self.int8_conv_rate
        if rate is None or operator == "conv":
            return rate
        return rate.model_copy(update={"provenance": "recalled", "source": "taken as the int8 dense convolution rate"})
