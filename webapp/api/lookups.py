"""Second queries that fill a field for all rows of a page at once, and values worked out from stored ones."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count

from webapp import texts
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
    for cell_id, run_id, seed, state in of_cells.values_list("cell", "id", "seed", "state"):
        runs.setdefault(cell_id, []).append({"id": run_id, "seed": seed, "state": state})
    found: dict[UUID, list[dict[str, Any]]] = {experiment: [] for experiment in experiments}
    fields = ("index", "label", "overrides", "digest")
    rows = Cell.objects.filter(experiment__in=experiments).order_by("index")
    for cell_id, experiment, *values in rows.values_list("id", "experiment", *fields):
        cell = dict(zip(fields, values, strict=True))
        found[experiment].append({**cell, "runs": runs.get(cell_id, [])})
    return found


def transitions(runs: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The changes of state of each run, oldest first."""
    found: dict[UUID, list[dict[str, Any]]] = {run: [] for run in runs}
    rows = RunTransition.objects.filter(run__in=runs).order_by("pk")
    fields = ("at", "from_state", "to_state", "actor", "reason")
    for run, *values in rows.values_list("run", *fields):
        found[run].append(dict(zip(fields, values, strict=True)))
    return found


def tree_of(text: str) -> Any:
    """A stored canonical spec as plain data."""
    return texts.tree_of(text)


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
