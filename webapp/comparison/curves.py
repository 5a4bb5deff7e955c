"""Curves over seeds: at every place of the axis the mean and its interval over all runs that have got there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import F, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce

from engine.runs.statistics import quantile
from webapp.comparison.selection import Entry
from webapp.experiments import chunks
from webapp.experiments.log import unpack
from webapp.experiments.models import EventBatch, MetricChunk, Run, RunState

AXES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "rounds": ("Round", "", ()),
    "time": ("Simulated time", "s", ("time_s",)),
    "bytes": ("Bytes sent", "B", ("bytes_up", "bytes_down")),
    "joules": ("Energy", "J", ("energy_j",)),
}
"""What can stand on the horizontal axis: title, unit, and the metrics whose sum gives the place."""

MOST_POINTS, FEWEST_POINTS = 400, 60
POINTS_OF_ALL = 4800


def points_of(num_lines: int) -> int:
    """Places of each line that are drawn: 400, fewer where there are many lines; all intervals are over all seeds."""
    return max(FEWEST_POINTS, min(MOST_POINTS, POINTS_OF_ALL // max(1, num_lines)))


Points = tuple[np.ndarray, np.ndarray]
"""Places (N,), ascending, and values (N,)."""


@dataclass(frozen=True)
class Curve:
    """A curve of one setting, or of one of its runs.

    Attributes:
        entry: the setting.
        seed: of a single run; None for the mean over runs.
        x: places on the axis, ascending.
        mean: mean over runs at each place.
        low: lower end of its 95 % interval; None for a single run.
        high: upper end.
        n: number of runs behind each place.
        num_places: how many places there are before thinning.
    """

    entry: Entry
    seed: int | None
    x: list[float]
    mean: list[float]
    low: list[float | None]
    high: list[float | None]
    n: list[int]
    num_places: int


def curves(
    entries: Sequence[Entry], metric: str, axis: str, *, points: int = MOST_POINTS, each: bool = False
) -> list[Curve]:
    """The curves of all settings.

    A run is a step function: between two measurements it has the value of the earlier one, and a run that is done keeps
    its last value. So the last place of a curve is over the same runs as the table, and no seed drops out of the mean
    because it needed less time, bytes or energy than another.

    Args:
        entries: the settings.
        metric: what stands on the vertical axis.
        axis: a key of :data:`AXES`.
        points: most places of a curve, evenly picked; 0 for all.
        each: a curve of each run instead of the mean.
    """
    runs = [run for entry in entries for run in entry.runs if run.state != RunState.DRAFT]
    series = _series(runs, {metric, *AXES[axis][2]})
    found: list[Curve] = []
    for entry in entries:
        own = [(run, _placed(series.get(run.pk, {}), metric, AXES[axis][2])) for run in entry.runs]
        known = [(run, placed) for run, placed in own if len(placed[0])]
        groups = [(run.seed, [(run, placed)]) for run, placed in known] if each else [(None, known)]
        found.extend(_curve(entry, seed, group, points) for seed, group in groups)
    return found


def _curve(entry: Entry, seed: int | None, runs: Sequence[tuple[Run, Points]], points: int) -> Curve:
    if not runs:
        return Curve(entry, seed, [], [], [], [], [], 0)
    grid = np.unique(np.concatenate([places for _, (places, _) in runs]))
    kept = grid
    if points and len(grid) > points:
        kept = grid[np.unique(np.linspace(0, len(grid) - 1, points).round().astype(int))]
    table = np.stack([_held(placed, kept, is_done=run.state == RunState.DONE) for run, placed in runs])
    is_there = np.isfinite(table)
    count = is_there.sum(axis=0)
    kept, table, is_there, count = kept[count > 0], table[:, count > 0], is_there[:, count > 0], count[count > 0]
    mean = np.where(is_there, table, 0.0).sum(axis=0) / count
    low, high = _interval(table, is_there, mean, count)
    return Curve(entry, seed, kept.tolist(), mean.tolist(), low, high, count.tolist(), len(grid))


def _held(placed: Points, grid: np.ndarray, *, is_done: bool) -> np.ndarray:
    """The values of a step function on a grid; NaN before its first place, and after its last unless it is done."""
    places, values = placed
    before = np.searchsorted(places, grid, side="right") - 1
    held = np.where(before >= 0, values[np.maximum(before, 0)], np.nan)
    return held if is_done else np.where(grid > places[-1], np.nan, held)


def _interval(
    table: np.ndarray, is_there: np.ndarray, mean: np.ndarray, count: np.ndarray
) -> tuple[list[float | None], list[float | None]]:
    squares = np.where(is_there, table - mean, 0.0) ** 2
    quantiles = {int(n): quantile(int(n) - 1) for n in np.unique(count) if n > 1}
    factor = np.array([quantiles.get(int(n), np.nan) for n in count])
    half = factor * np.sqrt(squares.sum(axis=0) / np.maximum(count - 1, 1)) / np.sqrt(count)
    return _listed(mean - half), _listed(mean + half)


def _listed(values: np.ndarray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _placed(series: Mapping[str, chunks.Points], metric: str, parts: tuple[str, ...]) -> Points:
    """The finite values of a metric by their place on the axis."""
    steps, values = _arrays(series.get(metric))
    places = steps.astype(np.float64)
    if parts:
        places = np.zeros(len(steps))
        for part in parts:
            places = places + _at(steps, *_arrays(series.get(part)))
    known = np.isfinite(values) & np.isfinite(places)
    return places[known], values[known]


def _at(steps: np.ndarray, own: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values of another metric at these steps; NaN where it has none."""
    if not len(own):
        return np.full(len(steps), np.nan)
    place = np.minimum(np.searchsorted(own, steps), len(own) - 1)
    return np.where(own[place] == steps, values[place], np.nan)


def _arrays(points: chunks.Points | None) -> tuple[np.ndarray, np.ndarray]:
    if points is None:
        return np.empty(0, dtype=np.int64), np.empty(0)
    return np.asarray(points.steps, dtype=np.int64), np.asarray(points.values, dtype=np.float64)


def _series(runs: Sequence[Run], names: Iterable[str]) -> dict[Any, dict[str, chunks.Points]]:
    """The points of these metrics of many runs, by two queries: the index, and the log where the index ends."""
    wanted = set(names)
    found: dict[Any, dict[str, chunks.Points]] = {}
    stored = MetricChunk.objects.filter(run__in=runs, name__in=wanted).order_by("run", "name", "seq_first")
    for chunk in stored.iterator(chunk_size=200):
        steps, values = chunks.decode(chunk.data, chunk.num_points)
        into = found.setdefault(chunk.run_id, {}).setdefault(chunk.name, chunks.Points())
        into.steps.extend(steps.tolist())
        into.values.extend(values.tolist())
    for run, until, data in _tails(runs):
        into_run = found.setdefault(run, {})
        events = [event for event in unpack(data) if event["seq"] > until]
        tail: dict[str, chunks.Points] = {}
        chunks.collect(events, tail)
        for name in wanted & tail.keys():
            into = into_run.setdefault(name, chunks.Points())
            into.steps.extend(tail[name].steps)
            into.values.extend(tail[name].values)
    return found


def _tails(runs: Sequence[Run]) -> Iterable[tuple[Any, Any, bytes | memoryview]]:
    """What the log of each run holds after the end of its index: run, end of the index, batch."""
    last = MetricChunk.objects.filter(run=OuterRef("run")).order_by().values("run").annotate(last=Max("seq_last"))
    batches = EventBatch.objects.filter(run__in=runs).annotate(until=Coalesce(Subquery(last.values("last")), 0))
    after = batches.filter(seq_last__gt=F("until")).order_by("run", "seq_first")
    yield from after.values_list("run", "until", "data").iterator(chunk_size=50)
