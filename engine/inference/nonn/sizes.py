"""Sizes of students: how many filters a device has room for, and the one model as large as all students together."""

from collections.abc import Iterator, Sequence
from math import log
from typing import Any

from pydantic import ValidationError

from engine.core.sample import SampleSpec
from engine.inference.nonn.partition_rooms import Room
from engine.inference.nonn.students import knowledge_students
from engine.models.graph import Graph
from engine.models.layer import ShapeError
from engine.models.model import Model

SCALES = tuple(2.0 ** (step / 8) for step in range(-24, 41))
"""Factors from an eighth to 32 on a field of size, in steps of 9 %."""


def rooms_of(
    sample: SampleSpec, backbones: Sequence[Graph], devices: Sequence[tuple[float, float]], num_filters: int
) -> list[Room]:
    """What the device of each student takes.

    Args:
        sample: shape and meaning of the input.
        backbones: the small network of each student.
        devices: memory in bytes, and speed in any unit, of each student's device: filters go by speed.
        num_filters: of the teacher.
    """
    return [
        Room(speed, _most(sample, backbone, memory, num_filters))
        for backbone, (memory, speed) in zip(backbones, devices, strict=True)
    ]


def _most(sample: SampleSpec, backbone: Graph, memory_bytes: float, num_filters: int) -> int:
    """The most filters with which weights and activations of a student fit; memory grows with their number."""
    low, high = 0, num_filters
    while low < high:
        middle = (low + high + 1) // 2
        needed = knowledge_students(sample, [backbone], [middle]).pieces().pieces[0].peak_bytes
        low, high = (middle, high) if needed <= memory_bytes else (low, middle - 1)
    return low


def of_size(model: Model, sample: SampleSpec, num_parameters: int) -> Model:
    """A model of the same kind with about so many parameters: the nearest in ratio; of equal ones the shallower.

    Its fields ``depth``, ``width``, ``channels`` and ``hidden`` are varied, as far as it has them; a model without any
    of them stays as it is.
    """

    def distance(candidate: Model) -> float:
        return abs(log(candidate.declare(sample).num_parameters / num_parameters))

    return min(_candidates(model, sample), key=distance)


def _candidates(model: Model, sample: SampleSpec) -> Iterator[Model]:
    yield model
    fields = [name for name in ("width", "channels", "hidden") if name in type(model).model_fields]
    depth = getattr(model, "depth", None)
    depths = [{}] if depth is None else [{"depth": depth + 6 * step} for step in range(8)]
    for deeper in depths:
        seen = set()
        for scale in SCALES:
            changes: dict[str, Any] = {name: _scaled(getattr(model, name), scale) for name in fields}
            if str(changes) not in seen:
                seen.add(str(changes))
                yield from _valid(model, sample, {**deeper, **changes})


def _scaled(value: Any, scale: float) -> Any:
    if isinstance(value, tuple):
        return tuple(_scaled(one, scale) for one in value)
    return max(1, round(value * scale)) if isinstance(value, int) else value * scale


def _valid(model: Model, sample: SampleSpec, changes: dict[str, Any]) -> Iterator[Model]:
    """The changed model, unless its fields forbid it or it does not fit the samples."""
    try:
        changed = type(model).model_validate({**dict(model), **changes})
        changed.declare(sample)
    except (ValidationError, ShapeError):
        return
    yield changed
