"""What the API says of a comparison: the rows of the page's table, with the values of each seed."""

from typing import Any
from uuid import UUID

from webapp.api.shapes import Exact
from webapp.comparison.answer import answers_of
from webapp.comparison.comparison import Comparison
from webapp.comparison.curves import Curve
from webapp.comparison.notes import notes_of
from webapp.comparison.tables import Row


class SeedValue(Exact):
    """The result of one run."""

    seed: int
    run: UUID
    state: str
    value: float | None
    """Its final value of the metric; null as long as it is not done."""
    difference: float | None
    """To the baseline's run with the same seed; null where there is none."""


class ComparedSetting(Exact):
    """A row of the table, in plain SI units; what cannot be said is null."""

    setting: str
    """Label for people."""
    ref: str
    """Name of the setting in addresses: experiment and place in its sweep."""
    experiment: UUID
    cell: int
    """Place in the experiment's sweep, from 0."""
    digest: str
    """Hash of all that determines the outcome but the seed."""
    n: int
    """Runs that are done."""
    mean: float | None
    """Mean of the metric over these runs."""
    ci95_low: float | None
    """Lower end of the 95 % confidence interval of the mean (Student's t); null of one seed."""
    ci95_high: float | None
    """Upper end."""
    pairs: int | None
    """Seeds that the setting has in common with the baseline; null of the baseline itself."""
    difference: float | None
    """Mean of the paired differences, this setting minus the baseline."""
    difference_low: float | None
    """Lower end of its 95 % confidence interval (Student's t of the pairs)."""
    difference_high: float | None
    """Upper end."""
    p_t: float | None
    """Two-sided p of the paired t-test."""
    p_sign_flip: float | None
    """Two-sided p of the sign-flip test, exact up to 16 pairs; at least 2 / 2**pairs."""
    effect_size: float | None
    """Cohen's d of the pairs: mean over standard deviation."""
    claim: str
    """`baseline`, `clear`, `no claim`, `one seed: no claim` or `no pairs`; p values are not corrected for several
    comparisons."""
    time_s: float | None
    """Simulated time, mean over the runs that are done."""
    energy_j: float | None
    """Energy of all devices, likewise."""
    bytes_up: float | None
    """Payload sent to the server, likewise."""
    bytes_down: float | None
    """Payload sent by the server, likewise."""
    share_recalled: float | None
    """Share of the cost that rests on figures from general knowledge."""
    seeds: list[SeedValue]
    """Every chosen run by rising seed."""


class ComparedField(Exact):
    """A field of the specs in which the settings differ."""

    path: str
    values: list[str | None]
    """One for each setting, as YAML; null where a setting has no such field."""


class ComparedCurve(Exact):
    """A curve over seeds; a finished run keeps its last value."""

    ref: str
    """Which setting."""
    x: list[float]
    """Rounds, seconds, bytes or joules, ascending."""
    mean: list[float]
    low: list[float | None]
    """Lower end of the 95 % confidence interval; null of one run."""
    high: list[float | None]
    n: list[int]
    """Runs behind each place."""


class ComparedCurves(Exact):
    """The curves of the metric."""

    x: str
    """What stands on the horizontal axis: rounds, time, bytes or joules."""
    num_points: int
    """Places of the longest curve before thinning."""
    lines: list[ComparedCurve]


class ComparisonAnswer(Exact):
    """Settings side by side, compared with a baseline on the same seeds."""

    metric: str
    unit: str
    """SI symbol of the metric; empty for a plain number and for a share from 0 to 1."""
    baseline: str
    """Ref of the setting that all others are compared with."""
    rows: list[ComparedSetting]
    differences: list[ComparedField]
    """Fields that are not the same in all settings."""
    answer: list[str]
    """The result in sentences."""
    notes: list[str]
    """What to know before believing it."""
    curves: ComparedCurves | None
    """Null unless `x` asks for them."""


def as_json(made: Comparison, axis: str | None, drawn: list[Curve]) -> dict[str, Any]:
    """The fields of :class:`ComparisonAnswer`."""
    table = made.table
    lines = [
        {"ref": one.entry.ref, "x": one.x, "mean": one.mean, "low": one.low, "high": one.high, "n": one.n}
        for one in drawn
    ]
    num_points = max((curve.num_places for curve in drawn), default=0)
    sentences = [f"{one.sentence} {one.claim} {one.advice}".split() for one in answers_of(table)]
    return {
        "metric": table.measure.name,
        "unit": table.measure.unit.replace("%", ""),  # pages show shares as percentages, scripts get them as they are
        "baseline": table.baseline.ref,
        "rows": [_row(row) for row in table.rows],
        "differences": [{"path": one.path, "values": list(one.values)} for one in made.differences],
        "answer": [" ".join(words) for words in sentences],
        "notes": notes_of(table, made.selection.entries, made.differences),
        "curves": {"x": axis, "num_points": num_points, "lines": lines} if axis else None,
    }


def _row(row: Row) -> dict[str, Any]:
    cell = row.entry.cell
    seeds = [
        {
            "seed": run.seed,
            "run": run.pk,
            "state": run.state,
            "value": row.by_seed.get(run.seed),
            "difference": row.differences.get(run.seed),
        }
        for run in row.entry.runs
    ]
    place = {"ref": row.entry.ref, "experiment": cell.experiment_id, "cell": cell.index, "digest": cell.digest}
    return {**row.values, **place, "seeds": seeds}
