"""Estimates against what came of them: of one run, of a setting over its seeds, and of all runs lately."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from webapp.experiments.models import Cell, Run, RunState

NEWEST = 500
"""How many finished runs the running error is over."""

HOST = "host_cpu_s"
FIGURES = (
    ("time_s", "Simulated time", "s"),
    ("energy_j", "Energy", "J"),
    ("bytes_up", "Sent up", "B"),
    ("bytes_down", "Sent down", "B"),
    (HOST, "Computing on this host", "s"),
)
"""What is held against its estimate: name, title, unit."""


@dataclass(frozen=True)
class Compared:
    """A figure's estimate and what came of it.

    Attributes:
        name: as in estimates and costs; ``host_cpu_s`` for the time on this host.
        title: for people.
        unit: of both.
        expected: the estimate.
        low: lower end of its range; None where no range is stated.
        high: upper end.
        actual: what came of it; None as long as it is not known.
    """

    name: str
    title: str
    unit: str
    expected: float
    low: float | None
    high: float | None
    actual: float | None

    @property
    def error(self) -> float | None:
        """How far the estimate is above (positive) or below what came of it, as a share of that."""
        if self.actual is None or self.actual == 0:
            return None
        return (self.expected - self.actual) / self.actual

    @property
    def is_inside(self) -> bool | None:
        """Whether the actual figure is in the stated range; None where there is no range or no figure."""
        if self.actual is None or self.low is None or self.high is None:
            return None
        slack = 1e-9 * abs(self.actual)
        return self.low - slack <= self.actual <= self.high + slack


@dataclass(frozen=True)
class Accuracy:
    """The running error of the estimates of one figure.

    Attributes:
        name: of the figure.
        title: for people.
        num_runs: how many runs it is over.
        median: median of the absolute errors, as a share of the actual figure; None without runs.
        p90: nine in ten runs are within this.
        bias: median of the signed errors; positive where estimates are too high.
        share_inside: share of the runs within the stated range; None where no range is stated.
    """

    name: str
    title: str
    num_runs: int
    median: float | None
    p90: float | None
    bias: float | None
    share_inside: float | None


def of_run(run: Run) -> list[Compared]:
    """The estimates of a run and what came of them; nothing where none was kept."""
    costs = (run.result or {}).get("costs", {}) if run.state == RunState.DONE else {}
    return compared(run.cell.estimate, {**costs, HOST: run.host_cpu_s if run.state == RunState.DONE else None})


def of_cell(cell: Cell, runs: Iterable[Run | None]) -> list[Compared]:
    """The estimates of a setting and the means over its runs that are done."""
    done = [run for run in runs if run is not None and run.state == RunState.DONE]
    rows = [{**(run.result or {}).get("costs", {}), HOST: run.host_cpu_s} for run in done]
    actual = {name: _mean([row.get(name) for row in rows]) for name, _, _ in FIGURES}
    return compared(cell.estimate, actual)


def compared(estimate: Mapping[str, Any] | None, actual: Mapping[str, float | None]) -> list[Compared]:
    """Each figure of an estimate with what came of it."""
    found = []
    for name, title, unit in FIGURES:
        stated = _stated(estimate or {}, name)
        if stated is not None:
            low, expected, high = stated
            found.append(Compared(name, title, unit, expected, low, high, _known(actual.get(name))))
    return found


def accuracy() -> list[Accuracy]:
    """The running error of every figure over the newest finished runs of the platform, taken-over ones left out."""
    done = Run.objects.filter(state=RunState.DONE, reused_from__isnull=True, cell__estimate__isnull=False)
    rows = done.order_by("-finished_at").values_list("cell__estimate", "result__costs", HOST)[:NEWEST]
    found: dict[str, list[Compared]] = {name: [] for name, _, _ in FIGURES}
    for estimate, costs, host_cpu_s in rows:
        for one in compared(estimate, {**(costs or {}), HOST: host_cpu_s}):
            if one.error is not None:
                found[one.name].append(one)
    return [_accuracy(name, title, found[name]) for name, title, _ in FIGURES]


def _accuracy(name: str, title: str, rows: Sequence[Compared]) -> Accuracy:
    errors = [row.error for row in rows if row.error is not None]
    inside = [row.is_inside for row in rows if row.is_inside is not None]
    if not errors:
        return Accuracy(name, title, 0, None, None, None, None)
    sizes = [abs(error) for error in errors]
    share = sum(inside) / len(inside) if inside else None
    return Accuracy(name, title, len(errors), median(sizes), float(np.quantile(sizes, 0.9)), median(errors), share)


def _stated(estimate: Mapping[str, Any], name: str) -> tuple[float | None, float, float | None] | None:
    if name == HOST:
        seconds = _known(estimate.get("host_s"))
        return None if seconds is None else (None, seconds, None)
    stated = estimate.get("totals", {}).get(name, {})
    expected = _known(stated.get("expected"))
    return None if expected is None else (_known(stated.get("low")), expected, _known(stated.get("high")))


def _known(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _mean(values: Sequence[Any]) -> float | None:
    known = [number for value in values if (number := _known(value)) is not None]
    return sum(known) / len(known) if known else None
