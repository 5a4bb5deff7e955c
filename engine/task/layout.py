"""Where things stand in the state of a task of jobs, and how arrays that belong together are named.

Arrays begin with the name of what they belong to: ``train/`` is the model in training, ``work/`` what the job at hand
works on.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.json import JsonValue
from engine.costs.ledger import Ledger
from engine.costs.trace import Trace, TraceBuilder
from engine.task.state import State, Tensors

TRAIN, WORK, LEDGER, TRACE = "train", "work", "ledger", "trace"
"""Prefixes: a trainer's arrays; a job's own; the costs; what was sent."""

TOTALS = ("time_s", "energy_j", "bytes_up", "bytes_down")
"""Cumulative costs that every metrics event carries."""


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


def value(state: State, name: str) -> Any:
    """An entry of the state's values."""
    return state.values[name]


def booked(state: State, trace: Trace, ledger: Ledger) -> State:
    """The state with what was sent and computed, and what that costs."""
    totals = ledger.totals()
    return state.replace(
        values={"totals": {name: float(totals[name]) for name in TOTALS}},
        tensors={**under(LEDGER, ledger.to_arrays()), **under(TRACE, trace.to_arrays())},
    )


def ledger_of(state: State) -> Ledger:
    """The costs so far."""
    return Ledger.from_arrays(part(LEDGER, state.tensors))


def trace_of(state: State) -> Trace:
    """What was sent and computed on devices; empty before anything is booked."""
    arrays = part(TRACE, state.tensors)
    return Trace.from_arrays(arrays) if arrays else TraceBuilder().build()
