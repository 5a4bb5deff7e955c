"""What the pages of experiments and runs show, gathered from rows, series and results."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.allowance import Allowance
from engine.core.errors import EngineError, SpecError
from engine.fleet.fleet import Fleet
from engine.network.network import Network
from engine.specs.text import parse_tree
from webapp.catalogue.quantities import digits, pair, quantity, text
from webapp.experiments import chunks, services
from webapp.experiments.measures import measure_of
from webapp.experiments.models import Cell, Experiment, MetricChunk, Run, RunState
from webapp.library.drawing import Drawing, GroupSign, draw, signs
from webapp.specforms.sweep import one_line

Axis = Sequence[tuple[str, str]]
"""Names and titles."""

XS = (("rounds", "Rounds"), ("time", "Time"), ("bytes", "Bytes"), ("joules", "Joules"))
YS = (("accuracy", "Accuracy"), ("loss", "Loss"), ("train_loss", "Training loss"), ("divergence", "Divergence"))
"""What can stand on the axes of the curves; ``static/webapp/js/axes.js`` knows their units."""
STEPS = (("steps", "Steps"),)
COMPRESSION_YS = (
    ("student_accuracy", "Student"), ("teacher_accuracy", "Teacher"), ("teacher_confidence", "Confidence"),
    ("verifier_accuracy", "Verifier"), ("distillation_loss", "Loss"),
)  # fmt: skip
"""The same for data-free experiments."""
INFERENCE_YS = (
    ("students_loss", "Loss of students"), ("teacher_loss", "Loss of the network"), ("accuracy", "Accuracy"),
    ("latency_p99_s", "Latency"), ("worst_accuracy", "Least accuracy"),
)  # fmt: skip
"""The same for distributed inference."""
HEATS = (
    ("loss", "Loss"), ("time_s", "Time"), ("part", "Taking part"), ("accuracy", "Accuracy"), ("norm", "Norm"),
    ("staleness", "Staleness"), ("bytes_up", "Sent"), ("epochs", "Epochs"),
)  # fmt: skip
"""What the colors of the clients' map can show; of those after the third only what a run knows."""

SPARK = (96.0, 22.0)
MOST_SPARKS = 4000
_SPARKS: dict[tuple[Any, str], str] = {}
"""Small curves of runs that are done, by run and metric."""
FACTS = (
    ("accuracy", "Test accuracy"),
    ("time_s", "Simulated time"),
    ("energy_j", "Energy"),
    ("bytes", "Up / down"),
    ("share_recalled", "Recalled figures"),
    ("divergence", "Divergence"),
)
"""Six figures at the head of a page, with their titles."""
COMPRESSION_FACTS = (
    ("accuracy", "Test accuracy"),
    ("teacher_accuracy", "Teacher"),
    ("points_below_oracle", "Below the oracle"),
    ("agreement", "Agreement with the teacher"),
    ("energy_j", "Energy to deploy"),
    ("bytes", "Up / down"),
)
"""The same for data-free experiments."""
INFERENCE_FACTS = (
    ("accuracy", "Test accuracy"),
    ("latency_s", "One answer takes"),
    ("latency_p99_s", "99th percentile"),
    ("answered_rps", "Answers"),
    ("energy_j_per_inference", "Energy an answer"),
    ("worst_accuracy", "Least accuracy after losses"),
)
"""The same for distributed inference."""
_OF_KIND = {
    "datafree": (COMPRESSION_FACTS, STEPS, COMPRESSION_YS),
    "inference": (INFERENCE_FACTS, STEPS, INFERENCE_YS),
}
"""Figures and axes of kinds that differ from the plain one."""
ROUNDING = 1e-9
"""Spreads below so many parts of a mean are what adding up in floats leaves, and shown as none."""


@dataclass(frozen=True)
class Kpi:
    """A key figure with its unit and spread."""

    name: str
    title: str
    number: str
    unit: str
    spread: str


@dataclass(frozen=True)
class Row:
    """A cell of the matrix with its runs by seed and its result."""

    cell: Cell
    label: str
    runs: Sequence[Run | None]
    result: Mapping[str, Any]
    color: int


@dataclass(frozen=True)
class Picture:
    """The network of a run."""

    drawing: Drawing
    signs: Sequence[GroupSign]


def rows_of(experiment: Experiment) -> tuple[list[int], list[Row]]:
    """The seeds and the matrix of an experiment."""
    found = list(experiment.cells.prefetch_related("runs").order_by("index"))
    seeds = sorted({run.seed for cell in found for run in cell.runs.all()})
    result = services.result_of(experiment)
    results = result.get("cells", [result])
    rows = []
    for cell, own in zip(found, results, strict=True):
        by_seed = {run.seed: run for run in cell.runs.all()}
        label = cell.label or "All runs"
        runs = [by_seed.get(seed) for seed in seeds]
        rows.append(Row(cell, label, runs, own, cell.index % 6 + 1))
    return seeds, rows


def counts_of(runs: Iterable[Run]) -> dict[str, int]:
    """Number of runs by state, in the order of states."""
    found = Counter(run.state for run in runs)
    return {state: found[state] for state in RunState.values if found[state]}


def state_of(counts: Mapping[str, int]) -> str:
    """One state for many runs: what still moves first, then what went wrong, then done."""
    for state in (
        RunState.RUNNING,
        RunState.QUEUED,
        RunState.PAUSED,
        RunState.FAILED,
        RunState.CANCELLED,
        RunState.DRAFT,
    ):
        if counts.get(state):
            return str(state)
    return str(RunState.DONE)


def facts_of(kind: str) -> Sequence[tuple[str, str]]:
    """The figures at the head of an experiment's page, by the kind of its task."""
    return _OF_KIND[kind][0] if kind in _OF_KIND else FACTS


def axes_of(kind: str) -> tuple[Axis, Axis]:
    """What can stand on the axes of an experiment's curves, by the kind of its task."""
    return _OF_KIND[kind][1:] if kind in _OF_KIND else (XS, YS)


def kpis_of_result(result: Mapping[str, Any], facts: Sequence[tuple[str, str]] = FACTS) -> list[Kpi]:
    """The key figures of a cell's result, with spread and number of seeds.

    Args:
        result: in the form of ``result.json``.
        facts: names of the figures with their titles.
    """
    metrics, costs = result.get("metrics", {}), result.get("costs", {})
    values = {**costs, **{name: spread["mean"] for name, spread in metrics.items()}}
    count = max((_known(spread["values"]) for spread in metrics.values()), default=0)
    notes = {name: _spread_text(name, spread) for name, spread in metrics.items()}
    if count:
        means = f"mean of {count} run{'s' if count > 1 else ''}"
        notes |= {"time_s": means, "energy_j": means, "bytes": means}
    return [_kpi(name, title, values, notes.get(name, "")) for name, title in facts]


def kpis_of_run(run: Run, last: Mapping[str, Any]) -> list[Kpi]:
    """The key figures of a run, finished or not, and what they come to in a round."""
    stored = run.result or {}
    values = {**last, **stored.get("costs", {}), **stored.get("metrics", {})}
    rounds = max(1, run.progress_done)
    notes = {}
    if run.progress_done:
        notes = {
            name: f"{text(values[name] / rounds, measure_of(name).unit)} a round"
            for name in ("time_s", "energy_j")
            if name in values
        }
    return [_kpi(name, title, values, notes.get(name, "")) for name, title in FACTS]


def _kpi(name: str, title: str, values: Mapping[str, Any], note: str) -> Kpi:
    if name == "bytes":
        number, unit = pair(values.get("bytes_up"), values.get("bytes_down"), "B")
    else:
        number, unit = quantity(values.get(name), measure_of(name).unit)
    return Kpi(name, title, number, unit, note or ("of cost, from memory" if name == "share_recalled" and unit else ""))


def last_values(run: Run) -> dict[str, float]:
    """The newest value of each metric of a run."""
    found = services.series(run, points=1)
    last = {name: (entry["last"] if entry["mode"] == "envelope" else entry["values"]) for name, entry in found.items()}
    return {name: values[-1] for name, values in last.items() if values and values[-1] is not None}


def sparks(runs: Sequence[Run], metric: str = "accuracy") -> dict[Any, str]:
    """A small curve of a metric for each run that has one, as the path of an SVG; one query for all.

    Of a run that is done nothing changes any more, so its curve is drawn once.
    """
    known = {run.pk: _SPARKS[run.pk, metric] for run in runs if (run.pk, metric) in _SPARKS}
    wanted = {run.pk: run.state == RunState.DONE for run in runs if run.pk not in known}
    parts: dict[Any, list[np.ndarray]] = {}
    for chunk in MetricChunk.objects.filter(run__in=list(wanted), name=metric).order_by("run", "step_first"):
        parts.setdefault(chunk.run_id, []).append(chunks.decode(chunk.data, chunk.num_points)[1])
    drawn = {run: spark_path(np.concatenate(values)) for run, values in parts.items()}
    if len(_SPARKS) > MOST_SPARKS:
        _SPARKS.clear()
    _SPARKS.update({(run, metric): path for run, path in drawn.items() if wanted[run]})
    return known | drawn


def spark_path(values: np.ndarray) -> str:
    """Values as a path of 96 by 22, left to right; empty for fewer than two."""
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        return ""
    kept = finite[np.unique(np.linspace(0, len(finite) - 1, min(48, len(finite))).astype(int))]
    low, high = float(kept.min()), float(kept.max())
    span = high - low or 1.0
    width, height = SPARK
    points = [
        f"{place * width / (len(kept) - 1):.1f} {height - 1 - (value - low) / span * (height - 2):.1f}"
        for place, value in enumerate(kept.tolist())
    ]
    return "M" + "L".join(points)


def picture_of(document: dict[str, Any]) -> Picture | None:
    """The network of a cell; None if it is of an older schema."""
    try:
        spec = parse_tree(document, allowance=Allowance(0))  # its plan was or will be looked at by its runs
        network = spec.network.resolve(spec.fleet)
    except (SpecError, EngineError):
        return None
    fleet = spec.fleet.resolve()
    return Picture(draw(fleet, spec.network.topology, network), signs(fleet))


def groups_of(fleet: Fleet, network: Network) -> list[dict[str, Any]]:
    """The groups of a fleet: which devices are in them, and what and how they are connected in words."""
    about = zip(fleet.kinds, network.table.of_group, strict=True)
    return [
        {"name": name, "start": int(start), "count": int(count), "about": f"{kind.name}, {network.links[link].name}"}
        for name, start, count, (kind, link) in zip(fleet.names, fleet.starts[:-1], fleet.counts, about, strict=True)
    ]


def differences(rows: Sequence[Row]) -> tuple[list[str], list[tuple[str, list[Any]]]]:
    """The paths in which cells differ, and each cell's values."""
    paths = list(dict.fromkeys(path for row in rows for path in row.cell.overrides))
    return paths, [(row.label, [one_line(row.cell.overrides.get(path)) for path in paths]) for row in rows]


def series_of(run: Run, points: int) -> dict[str, dict[str, list[Any]]]:
    """Steps and values of every metric; of a long series the last value of each interval, and its extremes."""
    found = services.series(run, points=points)
    return {
        name: {"steps": entry["steps"], "values": entry["values"] if entry["mode"] == "raw" else entry["last"]}
        for name, entry in found.items()
    }


def _known(values: Sequence[Any]) -> int:
    return sum(value is not None for value in values)


def _spread_text(name: str, spread: Mapping[str, Any]) -> str:
    count = _known(spread["values"])
    if spread["std"] is None or count < 2:
        return f"n = {count}"
    low, high = spread["ci95"]
    unit = measure_of(name).unit
    half = (high - low) / 2 * (100 if unit == "%" else 1)
    if half < ROUNDING * abs(spread["mean"]):
        half = 0.0
    shown = f"{half:.1f}" if unit == "%" else " ".join(quantity(half, unit)).strip() if unit else digits(half, 2)
    return f"± {shown}, n = {count}"
