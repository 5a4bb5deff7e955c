"""What stands beside the models of an experiment: every contender's accuracy by setting, over seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.runs.statistics import spread
from webapp.experiments.models import Run


@dataclass(frozen=True)
class Beside:
    """A contender's accuracy over the seeds of a setting.

    Attributes:
        mean: over the runs that are done; None without any.
        low: lower end of its 95 % interval; None of one run.
        high: upper end.
        count: runs behind it.
    """

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0


@dataclass(frozen=True)
class Setting:
    """A setting with its contenders."""

    label: str
    values: Sequence[Beside]


def beside(settings: Iterable[tuple[str, Sequence[Run | None]]]) -> dict[str, Any]:
    """Titles of the contenders and the rows of the table; empty before any run is done.

    Args:
        settings: label and runs of each setting.
    """
    results = [(label, [run.result for run in runs if run is not None and run.result]) for label, runs in settings]
    titles: dict[str, str] = {}
    for _, own in results:
        for result in own:
            titles |= {name: str(row.get("title", name)) for name, row in _contenders(result).items()}
    rows = [Setting(label, [_over_seeds(name, own) for name in titles]) for label, own in results]
    return {"contender_titles": list(titles.values()), "beside": rows if titles else []}


def _contenders(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = result.get("baselines") or {}
    return {name: row for name, row in found.items() if isinstance(row, Mapping) and "accuracy" in row}


def _over_seeds(name: str, results: Sequence[Mapping[str, Any]]) -> Beside:
    values = [row["accuracy"] for result in results if (row := _contenders(result).get(name))]
    known = [float(value) for value in values if value is not None]
    if not known:
        return Beside()
    found = spread(known)
    low, high = found.ci95 or (None, None)
    return Beside(found.mean, low, high, len(known))
