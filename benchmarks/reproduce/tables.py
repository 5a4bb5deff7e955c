"""Tables of Markdown from recorded runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.reproduce.study import Recorded
from engine.runs.statistics import Spread, compare, spread


@dataclass(frozen=True)
class Reached:
    """When a run first had an accuracy: the evaluated round, and the bytes of all messages until then."""

    round: int
    bytes_up: float
    bytes_down: float


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of Markdown."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def runs_of(done: Sequence[Recorded], part: str, slug: str) -> list[Recorded]:
    """The recorded runs of a cell, in the order of their seeds."""
    found = [run for run in done if (run["part"], run["slug"]) == (part, slug)]
    return sorted(found, key=lambda run: int(run["seed"]))


def rounds_to(run: Recorded, accuracy: float) -> Reached | None:
    """When a run first reached an accuracy, None if it never did."""
    series = run["series"]
    for place, value in enumerate(series["accuracy"]):
        if value >= accuracy:
            return Reached(series["round"][place], series["bytes_up"][place], series["bytes_down"][place])
    return None


def mean_of(runs: Sequence[Recorded], metric: str, factor: float = 1.0, unit: str = "") -> str:
    """Mean and half the 95 % interval of a final metric; nothing where a run has none."""
    if not all(metric in run["metrics"] for run in runs):
        return ""
    return _with_error(spread([factor * run["metrics"][metric] for run in runs]), unit)


def difference(runs: Sequence[Recorded], usual: Sequence[Recorded], metric: str, factor: float = 1.0) -> str:
    """The paired difference of a metric to the usual method, over the seeds that both have; nothing for itself."""
    others = {run["seed"]: run["metrics"][metric] for run in usual}
    pairs = [(run["metrics"][metric], others[run["seed"]]) for run in runs if run["seed"] in others]
    if not pairs or list(runs) == list(usual):
        return ""
    found = compare([factor * mine for mine, _ in pairs], [factor * other for _, other in pairs])
    return _with_error(found.difference, sign="+")


def _with_error(found: Spread, unit: str = "", sign: str = "") -> str:
    value = f"{found.mean:{sign}.4g}"
    if found.ci95 is not None:
        value += f" ± {(found.ci95[1] - found.ci95[0]) / 2:.2g}"
    return f"{value} {unit}".rstrip()
