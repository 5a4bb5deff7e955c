"""The answer of an experiment in a sentence, with its uncertainty; "no claim yet" is an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.runs.statistics import Comparison, compare, pairs_needed
from webapp.catalogue.quantities import MINUS, text
from webapp.experiments.measures import measure_of

HIGHER_IS_BETTER = ("accuracy",)
MOST_SEEDS = 200

COSTS = ("latency_s", "sustained_rps", "energy_j_per_inference", "time_s", "energy_j", "bytes_up", "bytes_down")
"""What settings that learn exactly the same are told apart by, the most important first: metrics, then costs."""
FEW_COSTS = 3
WORTH_TELLING = 0.005
"""Relative differences below it do not show in three digits."""


@dataclass(frozen=True)
class Answer:
    """A sentence, what may be claimed, and what would decide it."""

    sentence: str
    claim: str
    advice: str = ""


def answer_of(cells: Sequence[tuple[str, Mapping[str, Any]]], num_done: int, num_runs: int) -> list[Answer]:
    """The answers of an experiment: for one cell its value, for several each one against the first.

    Args:
        cells: label and result (``result.json``) of each cell.
        num_done: runs that are done.
        num_runs: all runs.
    """
    metric = main_metric([result for _, result in cells])
    if not metric:
        return [Answer(f"No result yet: {num_done} of {num_runs} runs are done.", "")]
    so_far = " so far" if num_done < num_runs else ""
    if len(cells) == 1:
        return [_single(metric, cells[0][1], so_far)]
    (first_label, first), *others = cells
    found = [_pair(metric, (label, result), (first_label, first), so_far) for label, result in others]
    return [answer for answer in found if answer] or [
        Answer(f"No pairs of finished runs yet: {num_done} of {num_runs} are done.", "")
    ]


def main_metric(results: Sequence[Mapping[str, Any]]) -> str:
    """The metric that the answer is about: accuracy if there is one, else the first; empty without any."""
    names = [name for result in results for name in result.get("metrics", {})]
    return "accuracy" if "accuracy" in names else next(iter(names), "")


def label_of(label: str, index: int = 0) -> str:
    """A cell's label for people."""
    return label or ("This experiment" if index == 0 else f"cell {index + 1}")


def _single(metric: str, result: Mapping[str, Any], so_far: str) -> Answer:
    spread = result["metrics"][metric]
    values = [value for value in spread["values"] if value is not None]
    if not values or spread["mean"] is None:
        return Answer("No finished run has a finite result.", "")
    shown = _shown(metric, spread["mean"])
    if len(values) == 1:
        return Answer(
            f"{metric.capitalize()} is {shown}{so_far}.",
            "One seed: no claim.",
            "More seeds would say how far to trust it.",
        )
    low, high = spread["ci95"]
    interval = f"95 % CI {_shown(metric, low)} to {_shown(metric, high)}, {len(values)} seeds"
    return Answer(f"{metric.capitalize()} is {shown}{so_far} ({interval}).", "")


def _pair(
    metric: str, one: tuple[str, Mapping[str, Any]], other: tuple[str, Mapping[str, Any]], so_far: str
) -> Answer | None:
    pairs = _paired(metric, one[1], other[1])
    if not pairs:
        return None
    compared = compare([first for first, _ in pairs], [second for _, second in pairs])
    mean = compared.difference.mean
    if all(first == second for first, second in pairs):
        return _alike(metric, one, other, len(pairs), so_far)
    gain = mean if metric in HIGHER_IS_BETTER else -mean
    verb = "leads" if gain > 0 else "trails" if gain < 0 else "equals"
    head = f"{label_of(one[0], 1)} {verb} {label_of(other[0])}"
    by = "" if mean == 0 else f" by {_difference(metric, abs(mean))}"
    if compared.difference.std is None:
        advice = "More seeds are still to come." if so_far else "Run at least three seeds to compare."
        return Answer(f"{head}{by}{so_far} in {metric}.", "One seed: no claim.", advice)
    low, high = sorted(_side(mean) * bound for bound in compared.difference.ci95 or (0.0, 0.0))
    n = len(pairs)
    interval = f"95 % CI {_number(metric, low)} to {_number(metric, high)}, paired over {n} seeds"
    sentence = f"{head}{by}{so_far} in {metric} ({interval})."
    if n >= 3 and low > 0:
        return Answer(sentence, "The difference is clear at this number of seeds.", _p_values(compared))
    return Answer(sentence, "No claim yet.", _seeds_needed(compared, n))


def _alike(
    metric: str, one: tuple[str, Mapping[str, Any]], other: tuple[str, Mapping[str, Any]], n: int, so_far: str
) -> Answer:
    """What tells settings apart that are the same in the metric with every seed: what they cost."""
    seeds = f"{n} seed{'s' if n > 1 else ''}"
    head = f"{label_of(one[0], 1)} equals {label_of(other[0])} in {metric}, seed by seed{so_far} ({seeds})."
    told = []
    for name in COSTS:
        first, second = _cost(name, one[1]), _cost(name, other[1])
        if first is None or second is None or abs(first - second) <= WORTH_TELLING * max(abs(first), abs(second)):
            continue
        measure = measure_of(name)
        told.append(f"{measure.word} {text(first, measure.unit)} against {text(second, measure.unit)}")
    if not told:
        return Answer(head, "Nor do their costs differ.")
    words = ", ".join(told[:FEW_COSTS])
    return Answer(head, f"{words[:1].upper()}{words[1:]}.")


def _cost(name: str, result: Mapping[str, Any]) -> float | None:
    """The mean of a metric or a cost over the seeds."""
    spread = result["metrics"].get(name)
    found = spread["mean"] if spread else result["costs"].get(name)
    return found if isinstance(found, int | float) else None


def _side(value: float) -> float:
    """1 for values from 0 up, else -1: turns a difference and its interval to the side of the leader."""
    return 1.0 if value >= 0 else -1.0


def _paired(metric: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Values of runs with the same seed that are done in both cells."""
    by_seed = [_by_seed(metric, result) for result in (one, other)]
    seeds = [seed for seed in by_seed[0] if seed in by_seed[1]]
    return [(by_seed[0][seed], by_seed[1][seed]) for seed in seeds]


def _by_seed(metric: str, result: Mapping[str, Any]) -> dict[int, float]:
    spread = result["metrics"].get(metric)
    values = spread["values"] if spread else [None] * len(result["seeds"])
    return {seed: value for seed, value in zip(result["seeds"], values, strict=True) if value is not None}


def _seeds_needed(compared: Comparison, n: int) -> str:
    mean, std = abs(compared.difference.mean), compared.difference.std or 0.0
    if mean == 0 or std == 0:
        return ""
    needed = pairs_needed(compared.difference, MOST_SEEDS)
    if needed is None:
        return f"More than {MOST_SEEDS} seeds would be needed to decide a difference of this size."
    more = max(1, needed - n)
    return f"About {more} more seed{'s' if more > 1 else ''} would decide a difference of this size."


def _p_values(compared: Comparison) -> str:
    effect = compared.effect_size or 0.0
    return f"Paired t p = {compared.p_t:.2g}, exact sign-flip p = {compared.p_sign_flip:.2g}, effect size {effect:.2g}."


def _shown(metric: str, value: float) -> str:
    return text(value, "%" if metric in HIGHER_IS_BETTER else "")


def _difference(metric: str, value: float) -> str:
    if metric not in HIGHER_IS_BETTER:
        return text(value)
    number = _number(metric, value)
    return f"{number} point" if number == "1.0" else f"{number} points"


def _number(metric: str, value: float) -> str:
    return f"{value * 100:.1f}".replace("-", MINUS) if metric in HIGHER_IS_BETTER else text(value)
