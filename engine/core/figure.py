"""A number with its origin: every device and link figure says where it comes from."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Provenance = Literal["read", "derived", "recalled", "user", "calibrated"]
"""``read`` from a named source, ``derived`` from read figures by a stated formula, ``recalled`` from general knowledge
(marked wherever it shows), entered by a ``user``, or ``calibrated`` by a measurement on the device."""


class Figure(BaseModel):
    """A quantity of a device or link.

    Attributes:
        value: the number, in ``unit``.
        unit: SI symbol; empty if dimensionless.
        provenance: how we know it.
        source: data sheet, benchmark or formula.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    unit: str
    provenance: Provenance
    source: str = ""
