"""What one pass over one sample asks of a device."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from engine.core.operators import OPERATOR_CLASSES, OperatorClass
from engine.fleet.device import Precision

BYTES_PER_VALUE: Mapping[Precision, int] = {"float": 4, "int8": 1}
"""Bytes of a weight or an activation; a profile counts them in float."""


class ModelCosts(Protocol):
    """What a model's profile tells (``engine.models.profile.Profile``)."""

    @property
    def macs(self) -> Mapping[OperatorClass, int]:
        """Multiply-accumulates of one forward pass, by class."""

    @property
    def num_parameters(self) -> int:
        """Trained parameters."""

    @property
    def parameter_bytes(self) -> int:
        """Bytes of weights and buffers."""

    @property
    def peak_activation_bytes(self) -> int:
        """Most bytes of activations alive at once for one sample."""

    def training_bytes(self, batch: int, optimizer_copies: int = 0) -> int:
        """Memory to train on a batch."""


@dataclass(frozen=True)
class Work:
    """One forward pass over one sample.

    Attributes:
        macs: multiply-accumulates by operator class.
        parameter_count: number of parameters that an optimizer step updates.
        parameter_bytes: bytes of the parameters.
        working_set_bytes: bytes of the activations that live at the same time.
        training_set_bytes: bytes of weights, gradients and activations when one sample is trained on.
        precision: arithmetic that the device uses.
    """

    macs: Mapping[OperatorClass, int] = field(default_factory=dict)
    parameter_count: int = 0
    parameter_bytes: int = 0
    working_set_bytes: int = 0
    training_set_bytes: int = 0
    precision: Precision = "float"

    @classmethod
    def from_profile(cls, profile: ModelCosts, *, precision: Precision = "float") -> "Work":
        """The work of a model, from its profile."""
        return cls(
            macs={op: int(profile.macs.get(op, 0)) for op in OPERATOR_CLASSES},
            parameter_count=profile.num_parameters,
            parameter_bytes=profile.parameter_bytes,
            working_set_bytes=profile.peak_activation_bytes,
            training_set_bytes=profile.training_bytes(1),
            precision=precision,
        )

    def scaled(self, factor: float) -> "Work":
        """The same with as many times the multiply-accumulates."""
        if factor == 1.0:
            return self
        return replace(self, macs={op: round(count * factor) for op, count in self.macs.items()})

    @property
    def key(self) -> Hashable:
        """The work as a key of mappings."""
        sizes = (self.parameter_count, self.parameter_bytes, self.working_set_bytes, self.training_set_bytes)
        return (frozenset(self.macs.items()), *sizes, self.precision)

    def touched_bytes(self, mode: int) -> float:
        """Bytes that one pass over one sample works on, at the width of the arithmetic.

        Args:
            mode: ``TRAIN`` or ``INFER`` of :mod:`engine.costs.trace`.
        """
        sizes = (self.training_set_bytes, self.parameter_bytes + self.working_set_bytes)
        return sizes[mode] * BYTES_PER_VALUE[self.precision] / BYTES_PER_VALUE["float"]
