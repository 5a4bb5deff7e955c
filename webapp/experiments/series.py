"""Metric series of a run: every point, or an envelope that contains every extreme."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db.models import Max

from webapp.experiments import chunks
from webapp.experiments.log import batches_after, frames_of
from webapp.experiments.models import MetricChunk, Run

Series = dict[str, Any]


def names_of(run: Run) -> list[str]:
    """The names of the metrics that a run has, in alphabetical order."""
    indexed = set(run.chunks.values_list("name", flat=True).distinct())
    return sorted(indexed | set(unindexed(run)))


def series(run: Run, names: Sequence[str] | None = None, points: int = 0) -> dict[str, Series]:
    """The points of metrics by name.

    Args:
        run: the run.
        names: which metrics; None for all.
        points: most points wanted; 0 for all. A longer series becomes an envelope of that many intervals.

    Returns:
        For each name ``{"mode": "raw", "num_points", "steps", "values"}`` or ``{"mode": "envelope", "num_points",
        "steps", "minimum", "maximum", "last"}``, where ``steps`` holds the last step of each interval. A value that is
        not finite is None.
    """
    tail = unindexed(run)
    stored: dict[str, list[MetricChunk]] = {}
    rows = run.chunks.filter(name__in=names) if names else run.chunks.all()
    for chunk in rows.order_by("seq_first"):
        stored.setdefault(chunk.name, []).append(chunk)
    wanted = names or sorted(stored.keys() | tail.keys())
    return {name: _shape(*_joined(stored.get(name, []), tail.get(name)), points) for name in wanted}


def indexed_until(run: Run) -> int:
    """Number of the last event whose points are in chunks."""
    return run.chunks.aggregate(last=Max("seq_last"))["last"] or 0


def unindexed(run: Run) -> dict[str, chunks.Points]:
    """The points that are not in chunks yet, from the log."""
    until = indexed_until(run)
    found: dict[str, chunks.Points] = {}
    for batch in batches_after(run, until):
        chunks.collect((frame for frame in frames_of(batch) if frame["seq"] > until), found)
    return found


def _joined(stored: Sequence[MetricChunk], tail: chunks.Points | None) -> tuple[np.ndarray, np.ndarray]:
    parts = [chunks.decode(chunk.data, chunk.num_points) for chunk in stored]
    if tail is not None:
        parts.append((np.asarray(tail.steps, dtype=np.int64), np.asarray(tail.values, dtype=np.float64)))
    if not parts:
        return np.empty(0, dtype=np.int64), np.empty(0)
    return np.concatenate([steps for steps, _ in parts]), np.concatenate([values for _, values in parts])


def _shape(steps: np.ndarray, values: np.ndarray, points: int) -> Series:
    count = len(steps)
    if not points or count <= points:
        return {"mode": "raw", "num_points": count, "steps": steps.tolist(), "values": _listed(values)}
    starts = np.linspace(0, count, points, endpoint=False).astype(np.int64)
    ends = np.append(starts[1:], count) - 1
    # fmin and fmax pass over NaN, so a diverged point hides no neighbor; it stays visible where it is the last one.
    return {
        "mode": "envelope",
        "num_points": count,
        "steps": steps[ends].tolist(),
        "minimum": _listed(np.fmin.reduceat(values, starts)),
        "maximum": _listed(np.fmax.reduceat(values, starts)),
        "last": _listed(values[ends]),
    }


def _listed(values: np.ndarray) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
