"""The one table of a comparison: pages, the API and every export read these rows and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.runs.statistics import Comparison, Spread, compare, spread
from webapp.comparison.columns import Column, Format, Value, columns_of, formats_of
from webapp.comparison.selection import Entry
from webapp.experiments.measures import Measure, in_order, measure_of
from webapp.experiments.models import Run

BASELINE, CLEAR, OPEN, ONE_SEED, NO_PAIRS = "baseline", "clear", "no claim", "one seed: no claim", "no pairs"

LEAST_PAIRS = 3
"""Fewer pairs than this never carry a claim, whatever their interval."""

COSTS = ("time_s", "energy_j", "bytes_up", "bytes_down", "share_recalled")


@dataclass(frozen=True)
class Row:
    """One setting of the table.

    Attributes:
        entry: the setting.
        values: one for each column, in plain SI units; None where there is nothing to say.
        by_seed: the metric of each run that is done, by seed.
        differences: the paired differences to the baseline by seed, this setting minus the baseline.
        spread: of the metric over seeds; None without a result.
        comparison: with the baseline; None for the baseline itself and without pairs.
    """

    entry: Entry
    values: Mapping[str, Value]
    by_seed: Mapping[int, float]
    differences: Mapping[int, float]
    spread: Spread | None
    comparison: Comparison | None

    @property
    def claim(self) -> str:
        """What may be said of the difference to the baseline."""
        return str(self.values["claim"])


@dataclass(frozen=True)
class Table:
    """Final values of a metric by setting, with the paired difference to the baseline and what each setting costs."""

    measure: Measure
    baseline: Entry
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @cached_property
    def formats(self) -> Mapping[str, Format]:
        """How the numbers of each column read."""
        return formats_of(self.columns, [row.values for row in self.rows])

    def shown(self, row: Row, name: str) -> str:
        """A value as it stands on pages and in print, without its unit."""
        return self.formats[name].shown(row.values[name])

    @property
    def others(self) -> tuple[Row, ...]:
        """The rows that are compared with the baseline."""
        return tuple(row for row in self.rows if row.entry is not self.baseline)


def measures_of(entries: Sequence[Entry]) -> list[Measure]:
    """The metrics and costs that any finished run has, in the order in which people ask for them."""
    names: set[str] = set()
    for run in (run for entry in entries for run in entry.done):
        result = run.result or {}
        names |= {name for part in ("metrics", "costs") for name, value in result.get(part, {}).items() if _is(value)}
    return [measure_of(name) for name in in_order(names)]


def build(entries: Sequence[Entry], baseline: Entry, measure: Measure) -> Table:
    """The table of these settings.

    Args:
        entries: the settings in their order.
        baseline: the one that all others are compared with.
        measure: the metric, or one of the costs.
    """
    columns = columns_of(measure)
    reference = _by_seed(baseline, measure.name)
    rows = tuple(_row(entry, baseline, reference, measure.name) for entry in entries)
    return Table(measure, baseline, columns, rows)


def _row(entry: Entry, baseline: Entry, reference: Mapping[int, float], name: str) -> Row:
    own = _by_seed(entry, name)
    is_baseline = entry is baseline
    pairs = {} if is_baseline else {seed: (own[seed], reference[seed]) for seed in own if seed in reference}
    differences = {seed: one - other for seed, (one, other) in pairs.items()}
    found = spread(list(own.values())) if own else None
    compared = compare([one for one, _ in pairs.values()], [other for _, other in pairs.values()]) if pairs else None
    values: dict[str, Value] = {"setting": entry.label, "n": len(own)}
    values |= _of_spread(found, "mean", "ci95")
    values["pairs"] = None if is_baseline else len(pairs)
    values |= _of_spread(compared.difference if compared else None, "difference", "difference")
    values["p_t"] = compared.p_t if compared else None
    values["p_sign_flip"] = compared.p_sign_flip if compared else None
    values["effect_size"] = compared.effect_size if compared else None
    values["claim"] = BASELINE if is_baseline else _claim(compared)
    values |= {cost: _mean(entry, cost) for cost in COSTS}
    return Row(entry, values, own, differences, found, compared)


def _of_spread(found: Spread | None, name: str, interval: str) -> dict[str, Value]:
    low, high = found.ci95 if found and found.ci95 else (None, None)
    return {name: found.mean if found else None, f"{interval}_low": low, f"{interval}_high": high}


def _claim(compared: Comparison | None) -> str:
    if compared is None:
        return NO_PAIRS
    if compared.difference.ci95 is None:
        return ONE_SEED
    low, high = compared.difference.ci95
    is_clear = len(compared.difference.values) >= LEAST_PAIRS and (low > 0 or high < 0)
    return CLEAR if is_clear else OPEN


def _by_seed(entry: Entry, name: str) -> dict[int, float]:
    found = {run.seed: value_of(run, name) for run in entry.done}
    return {seed: value for seed, value in found.items() if value is not None}


def value_of(run: Run, name: str) -> float | None:
    """The final value of a metric or cost; None if the run has none or it is not finite."""
    result = run.result or {}
    value = result.get("metrics", {}).get(name, result.get("costs", {}).get(name))
    return float(value) if _is(value) else None


def _mean(entry: Entry, cost: str) -> float | None:
    values = [(run.result or {}).get("costs", {}).get(cost) for run in entry.done]
    known = [float(value) for value in values if _is(value)]
    return spread(known).mean if known else None


def _is(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def claims_of(rows: Sequence[Row], claim: str) -> int:
    """How many rows have that claim."""
    return sum(row.claim == claim for row in rows)
