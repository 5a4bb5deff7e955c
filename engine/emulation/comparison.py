"""A measured trace beside the simulated one: joined item by item, compared by phase."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.costs.trace import BARRIER, Trace
from engine.emulation.scores import bootstrap

Floats = NDArray[np.float64]

ROUND = "round"
"""The phase that stands for whole rounds."""


@dataclass(frozen=True)
class Measurement:
    """A trace with the times that real execution took.

    Attributes:
        trace: the rounds that were carried out, in the same schema as any other.
        start_s: (I,) when each item began, in seconds from the start of its round; NaN if it did not.
        end_s: (I,) when it ended.
        facts: fabric, kernel, what was counted, and the reasons why it must not be used, if any.
    """

    trace: Trace
    start_s: Floats
    end_s: Floats
    facts: dict[str, Any]

    def to_bytes(self) -> bytes:
        """The measurement as safetensors."""
        from safetensors.numpy import save

        facts = np.frombuffer(json.dumps(self.facts, sort_keys=True).encode(), np.uint8)
        arrays = self.trace.to_arrays() | {"measured_start_s": self.start_s, "measured_end_s": self.end_s}
        return save({name: np.ascontiguousarray(array) for name, array in (arrays | {"facts": facts}).items()})

    @classmethod
    def load(cls, path: Path) -> "Measurement":
        """Read what :meth:`to_bytes` made.

        Raises:
            EngineError: the file is no measurement.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(path)
            facts = json.loads(bytes(arrays["facts"]))
            return cls(Trace.from_arrays(arrays), arrays["measured_start_s"], arrays["measured_end_s"], facts)
        except (SafetensorError, KeyError, ValueError) as error:
            raise EngineError(f"{path.name} is no measured trace: {error}") from None


@dataclass(frozen=True)
class Row:
    """One phase of both.

    Attributes:
        phase: its name, or ``round`` for whole rounds.
        items: how many were compared.
        simulated_s: median of the simulated times.
        measured_s: median of the measured times.
        mape: mean absolute error of the simulated times.
        mape_ci95: its interval by bootstrap.
    """

    phase: str
    items: int
    simulated_s: float
    measured_s: float
    mape: float
    mape_ci95: tuple[float, float]


def compare(measurement: Measurement, start_s: Floats, end_s: Floats) -> list[Row]:
    """Join both item by item.

    Args:
        measurement: with the trace that was simulated, too.
        start_s: (I,) simulated start of each item.
        end_s: (I,) simulated end; only differences count, so both may run over all rounds.
    """
    trace = measurement.trace
    simulated, real = end_s - start_s, measurement.end_s - measurement.start_s
    acting = (trace["kind"] != BARRIER) & np.isfinite(real)
    rows = []
    for number, phase in enumerate(trace.phases):
        mine = acting & (trace["phase"] == number)
        if mine.any():
            rows.append(_row(phase, simulated[mine], real[mine]))
    wholes = [_round(trace, number, measurement.end_s, start_s, end_s) for number in range(trace.num_rounds)]
    known = np.array([pair for pair in wholes if np.isfinite(pair).all()]).reshape(-1, 2)
    return [*rows, _row(ROUND, known[:, 0], known[:, 1])] if len(known) else rows


def _round(trace: Trace, number: int, measured_end_s: Floats, start_s: Floats, end_s: Floats) -> tuple[float, float]:
    mine = trace["round"] == number
    return float(end_s[mine].max() - start_s[mine].min()), float(measured_end_s[mine].max())


def _row(phase: str, simulated: Floats, real: Floats) -> Row:
    errors: Sequence[float] = np.abs(simulated / np.maximum(real, 1e-9) - 1).tolist()
    interval = bootstrap(errors, lambda values, axis: np.asarray(values.mean(axis=axis)), "comparison", phase)
    medians = float(np.median(simulated)), float(np.median(real))
    return Row(phase, len(errors), *medians, float(np.mean(errors)), interval)
