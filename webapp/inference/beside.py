"""The plans of an experiment side by side: what each setting's plan costs over seeds, and the plans beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.runs.statistics import spread
from webapp.experiments.models import Run

FIGURES = (
    ("accuracy", "%"), ("worst_accuracy", "%"), ("latency_s", "s"), ("peak_memory_bytes", "B"), ("most_macs", "MAC"),
    ("message_bytes", "B"), ("most_energy_j", "J"), ("energy_j_per_inference", "J"),
)  # fmt: skip
"""What is shown of a plan, with its unit."""


@dataclass(frozen=True)
class Cell:
    """A figure over the seeds of a setting.

    Attributes:
        mean: over the runs that know it; None without any.
        low: lower end of its 95 % interval; None of one run.
        high: upper end.
        unit: SI symbol.
    """

    mean: float | None
    low: float | None
    high: float | None
    unit: str


@dataclass(frozen=True)
class Line:
    """A plan of a setting.

    Attributes:
        label: of the setting; empty below its first plan.
        title: of the plan.
        is_ours: whether it is the one that was carried out.
        cells: in the order of ``FIGURES``.
    """

    label: str
    title: str
    is_ours: bool
    cells: Sequence[Cell]


def beside(settings: Iterable[tuple[str, Sequence[Run | None]]]) -> dict[str, Any]:
    """The rows of the table; none before any run is done.

    Args:
        settings: label and runs of each setting.
    """
    lines: list[Line] = []
    for label, runs in settings:
        results = [run.result for run in runs if run is not None and run.result]
        if not results:
            continue
        lines.append(
            Line(label, "Plan", is_ours=True, cells=_cells([result.get("metrics") or {} for result in results]))
        )
        names = list(dict.fromkeys(name for result in results for name in result.get("baselines") or {}))
        for name in names:
            rows = [row for result in results if (row := (result.get("baselines") or {}).get(name))]
            lines.append(Line("", str(rows[0].get("title", name)), is_ours=False, cells=_cells(rows)))
    return {"plans_beside": lines}


def _cells(rows: Sequence[Mapping[str, Any]]) -> list[Cell]:
    return [_cell([row.get(name) for row in rows], unit) for name, unit in FIGURES]


def _cell(values: Sequence[float | None], unit: str) -> Cell:
    known = [float(value) for value in values if value is not None]
    if not known:
        return Cell(None, None, None, unit)
    found = spread(known)
    low, high = found.ci95 or (None, None)
    return Cell(found.mean, low, high, unit)
