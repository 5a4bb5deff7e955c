"""Whether a device can hold a model, and train it at all: flash, memory and speed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.core.errors import Problem
from engine.core.operators import OPERATOR_CLASSES
from engine.costs.work import BYTES_PER_VALUE, ModelCosts
from engine.fleet.device import Precision
from engine.fleet.fleet import Fleet

Place = Literal["ram", "flash"]
"""Where bytes must find room: weights at rest in flash, what is computed with in memory."""


@dataclass(frozen=True)
class Room:
    """Whether something fits into a place of a group's devices.

    Attributes:
        group: name of the group.
        device: name of its device.
        use: ``training`` or ``inference``.
        precision: arithmetic.
        place: memory or flash.
        needed_bytes: what it takes.
        available_bytes: what there is; None if it is not known.
    """

    group: str
    device: str
    use: Literal["training", "inference"]
    precision: Precision
    place: Place
    needed_bytes: int
    available_bytes: int | None

    @property
    def spare_bytes(self) -> int | None:
        """By how many bytes it fits; negative if it does not, None if that is not known."""
        return None if self.available_bytes is None else self.available_bytes - self.needed_bytes

    @property
    def missing_bytes(self) -> int:
        """Bytes that are missing; 0 if it fits."""
        return max(0, -(self.spare_bytes or 0))

    @property
    def fits(self) -> bool:
        """Whether it fits; what is not known is taken to."""
        return self.spare_bytes is None or self.spare_bytes >= 0


def rooms(fleet: Fleet, profile: ModelCosts, batch_size: int, *, optimizer_copies: int = 0) -> list[Room]:
    """Every group, use and place: training in float, and inference in float and in 8-bit integers.

    Flash holds the weights. Memory holds in training weights, gradients, the optimizer's copies and the activations of
    a batch; in inference the activations of one sample, as weights are read where they lie.

    Args:
        fleet: the devices.
        profile: the model's cost.
        batch_size: samples per training step.
        optimizer_copies: further copies of the parameters that optimizer or strategy keep on the device (momentum: 1).
    """
    found = []
    for number, kind in enumerate(fleet.kinds):
        there: dict[Place, int | None] = {
            "ram": int(kind.ram_bytes.value),
            "flash": None if kind.flash_bytes is None else int(kind.flash_bytes.value),
        }
        for use, precision, needs in _needs(profile, batch_size, optimizer_copies):
            found += [
                Room(fleet.names[number], kind.name, use, precision, place, needed, there[place])
                for place, needed in needs.items()
            ]
    return found


def _needs(
    profile: ModelCosts, batch_size: int, optimizer_copies: int
) -> Iterator[tuple[Literal["training", "inference"], Precision, dict[Place, int]]]:
    weights, training = profile.parameter_bytes, profile.training_bytes(batch_size, optimizer_copies)
    yield "training", "float", {"flash": weights, "ram": training}
    for precision, width in BYTES_PER_VALUE.items():
        share = width / BYTES_PER_VALUE["float"]
        activations = profile.peak_activation_bytes
        yield "inference", precision, {"flash": int(np.ceil(weights * share)), "ram": int(np.ceil(activations * share))}


def memory_problems(
    fleet: Fleet, profile: ModelCosts, batch_size: int, path: str, *, optimizer_copies: int = 0
) -> list[Problem]:
    """Why the model cannot be trained on some group's device; empty if it can everywhere.

    Args:
        fleet: the devices.
        profile: the model's cost.
        batch_size: samples per step.
        path: place of the model in the document.
        optimizer_copies: further copies of the parameters that optimizer or strategy keep on the device (momentum: 1).
    """
    found = rooms(fleet, profile, batch_size, optimizer_copies=optimizer_copies)
    problems = [
        _too_large(room, batch_size, optimizer_copies, path)
        for room in found
        if room.use == "training" and not room.fits
    ]
    for name, kind in zip(fleet.names, fleet.kinds, strict=True):
        missing = [op for op in OPERATOR_CLASSES if profile.macs.get(op, 0) and kind.rate(op) is None]
        if missing:
            message = (
                f"training needs float arithmetic ({', '.join(missing)}), for which no speed of group {name!r} "
                f"({kind.name}) is known; allowed are devices with a float rate"
            )
            problems.append(Problem(path, "no_speed", message))
    return problems


def _too_large(room: Room, batch_size: int, optimizer_copies: int, path: str) -> Problem:
    has = f"but group {room.group!r} ({room.device}) has {room.available_bytes:,}, {room.missing_bytes:,} too few"
    if room.place == "flash":
        message = (
            f"the parameters take {room.needed_bytes:,} bytes of flash, {has}; allowed is a smaller model, or another "
            f"device"
        )
        return Problem(path, "out_of_flash", message)
    message = (
        f"training needs {room.needed_bytes:,} bytes of memory (parameters, gradients, {optimizer_copies} optimizer "
        f"copies, activations of a batch of {batch_size}), {has}; allowed is a smaller model or batch, or another "
        f"device"
    )
    return Problem(path, "out_of_memory", message)
