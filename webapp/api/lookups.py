"""Second queries that fill a field for all rows of a page at once, and values worked out from stored ones."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count

from engine.specs.text import load
from webapp.experiments.models import Cell, Run, RunState, RunTransition


def run_counts(experiments: list[UUID]) -> dict[UUID, dict[str, int]]:
    """How many runs of each experiment are in each state."""
    counts = {experiment: dict.fromkeys(RunState.values, 0) for experiment in experiments}
    rows = Run.objects.filter(cell__experiment__in=experiments).order_by()
    for experiment, state, number in rows.values_list("cell__experiment", "state").annotate(Count("pk")):
        counts[experiment][state] = number
    return counts


def cells(experiments: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The cells of each experiment in their order, with their runs by seed."""
    runs: dict[int, list[dict[str, Any]]] = {}
    of_cells = Run.objects.filter(cell__experiment__in=experiments).order_by("cell", "seed")
    for run in of_cells.values("cell", "id", "seed", "state"):
        runs.setdefault(run.pop("cell"), []).append(run)
    found: dict[UUID, list[dict[str, Any]]] = {experiment: [] for experiment in experiments}
    fields = ("id", "experiment", "index", "label", "overrides", "digest")
    for cell in Cell.objects.filter(experiment__in=experiments).order_by("index").values(*fields):
        cell["runs"] = runs.get(cell.pop("id"), [])
        found[cell.pop("experiment")].append(cell)
    return found


def transitions(runs: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The changes of state of each run, oldest first."""
    found: dict[UUID, list[dict[str, Any]]] = {run: [] for run in runs}
    rows = RunTransition.objects.filter(run__in=runs).order_by("pk")
    for row in rows.values("run", "at", "from_state", "to_state", "actor", "reason"):
        found[row.pop("run")].append(row)
    return found


def tree_of(text: str) -> Any:
    """A stored canonical spec as plain data."""
    return load(text)


def public_failure(failure: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A failure without the trace, which is for the page of those who run the platform."""
    if failure is None:
        return None
    tail = failure.get("log_tail") or []
    return {
        "code": failure.get("code", ""),
        "message": failure.get("message", ""),
        "remedy": failure.get("remedy") or "",
        "log_tail": tail.splitlines() if isinstance(tail, str) else list(tail),
    }
