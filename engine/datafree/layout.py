"""Where things stand in the state of a data-free deployment.

Tensors begin with the name of what they belong to: ``train/`` is the model in training, ``work/`` what a stage works
on. What is finished stands in numbered pieces that a checkpoint writes once: models, metadata, and batches of images.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.json import JsonValue
from engine.costs.ledger import Ledger
from engine.task.contract import State, Tensors

TRAIN, WORK, KEPT, LEDGER, TRACE = "train", "work", "kept", "ledger", "trace"
"""Prefixes: a trainer's arrays; a stage's own; what a batch of images leaves to the next; the costs; what was sent."""

TEACHER_SAYS = "teacher_says"
"""(N,) the teacher's class of each test sample."""

PIECES: Mapping[str, int] = {
    "teacher": 0,
    "student": 1,
    "pruned": 2,
    "quantized": 3,
    "baseline": 4,
    "metadata": 5,
    "oracle": 6,
    "files": 7,
}
"""Numbers of pieces by name. Baselines are measured one after another and share one."""

BANK = 100
"""Number of the piece with the first batch of images."""

TOTALS = ("time_s", "energy_j", "bytes_up", "bytes_down")
"""Cumulative costs that every metrics event carries."""


def piece_of(contender: str) -> int:
    """Number of the piece with a contender's weights."""
    return PIECES.get(contender, PIECES["baseline"])


def part(prefix: str, tensors: Tensors) -> dict[str, np.ndarray]:
    """The tensors of a prefix, without it."""
    head = f"{prefix}/"
    return {name.removeprefix(head): array for name, array in tensors.items() if name.startswith(head)}


def under(prefix: str, tensors: Tensors) -> dict[str, np.ndarray]:
    """The tensors with a prefix before their names."""
    return {f"{prefix}/{name}": array for name, array in tensors.items()}


def names_of(prefix: str, tensors: Tensors) -> list[str]:
    """Names of the tensors of a prefix."""
    return [name for name in tensors if name.startswith(f"{prefix}/")]


def with_part(state: State, prefix: str, tensors: Tensors, values: Mapping[str, JsonValue] | None = None) -> State:
    """The state with exactly these tensors under a prefix."""
    fresh = under(prefix, tensors)
    gone = [name for name in names_of(prefix, state.tensors) if name not in fresh]
    return state.replace(values=values, tensors=fresh, drop=gone)


def ledger_of(state: State) -> Ledger:
    """The costs so far."""
    return Ledger.from_arrays(part(LEDGER, state.tensors))


def value(state: State, name: str) -> Any:
    """An entry of the state's values."""
    return state.values[name]
