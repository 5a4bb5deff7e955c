"""How far off the simulator is: errors of medians and percentiles, with the noise of the measurement beside them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.streams import stream
from engine.emulation.scenarios import LOSS_CLASSES

Floats = NDArray[np.float64]

MODELS = ("closed", "monte_carlo", "naive")
"""What is compared with the measurement."""

FLOORS: Mapping[str, float | None] = {"none": 0.10, "low": 0.15, "high": None}
"""Mean absolute error of the median, by class of loss, that must not be exceeded; without one at high loss."""

GOALS: Mapping[str, float] = {"none": 0.03, "low": 0.08, "high": 0.12}
"""The error that is aimed at."""

DRAWN = 1000
"""Bootstrap samples."""


def bootstrap(values: Sequence[float], of: Callable[[Floats, int], Floats], *names: str | int) -> tuple[float, float]:
    """The 95 % interval of a statistic, by resampling (Efron, Annals of Statistics 7(1), 1979).

    Args:
        values: what was measured.
        of: the statistic, along an axis.
        names: of the stream that is drawn from.
    """
    draw = stream(0, "bootstrap", *names)
    found = of(draw.choice(np.asarray(values), (DRAWN, len(values))), 1)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _p95(values: Floats, axis: int) -> Floats:
    return np.asarray(np.quantile(values, 0.95, axis=axis))


def _median(values: Floats, axis: int) -> Floats:
    return np.asarray(np.median(values, axis=axis))


def measured(samples: Sequence[float]) -> dict[str, Any]:
    """What is said of the samples of a scenario."""
    return {
        "samples": len(samples),
        "median_s": float(np.median(samples)),
        "median_ci95_s": bootstrap(samples, _median, "median"),
        "mean_s": float(np.mean(samples)),
        "p95_s": float(np.quantile(samples, 0.95)),
        "p95_ci95_s": bootstrap(samples, _p95, "p95"),
    }


def errors(found: Mapping[str, Any], predicted: Mapping[str, float]) -> dict[str, float]:
    """Relative errors of the predictions, above zero where they are too long."""
    told = {name: predicted[f"{name}_s"] / found["median_s"] - 1 for name in MODELS}
    return {**told, "monte_carlo_p95": predicted["monte_carlo_p95_s"] / found["p95_s"] - 1}


def summary(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean absolute errors over scenarios, by class of loss and of link.

    Scenarios that are unstable, or whose measurement is invalid, are counted beside.
    """
    rows = list(rows)
    counted = [row for row in rows if is_counted(row)]
    held_out = [row for row in counted if row["held_out"]]
    return {
        "scenarios": len(rows),
        "counted": len(counted),
        "invalid": [row["id"] for row in rows if row["invalid"]],
        "unstable": [row["id"] for row in rows if row["unstable"]],
        "classes": {name: _class(name, counted) for name in LOSS_CLASSES},
        "held_out": {name: _class(name, held_out) for name in LOSS_CLASSES},
        "fitted": {name: _class(name, [row for row in counted if not row["held_out"]]) for name in LOSS_CLASSES},
    }


def is_counted(row: Mapping[str, Any]) -> bool:
    """Whether a scenario enters the means."""
    return not row["unstable"] and not row["invalid"] and bool(row.get("measured"))


def meets_floors(told: Mapping[str, Any]) -> bool:
    """Whether the packet-by-packet model stays within every floor, and something was counted for each."""
    classes = told["classes"]
    return all(
        floor is None or (classes[name]["scenarios"] > 0 and classes[name]["mape"]["monte_carlo"] <= floor)
        for name, floor in FLOORS.items()
    )


def _class(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    mine = [row for row in rows if row["loss_class"] == name]
    if not mine:
        return {"scenarios": 0, "mape": None, "p95_mape": None, "p95_mape_ci95": None, "noise": None}
    tails = [abs(row["errors"]["monte_carlo_p95"]) for row in mine]
    return {
        "scenarios": len(mine),
        "mape": {model: float(np.mean([abs(row["errors"][model]) for row in mine])) for model in MODELS},
        "p95_mape": float(np.mean(tails)),
        "p95_mape_ci95": bootstrap(tails, lambda values, axis: np.asarray(values.mean(axis=axis)), "tails", name),
        "noise": float(np.mean([_half_width(row["measured"]) for row in mine])),
    }


def _half_width(found: Mapping[str, Any]) -> float:
    """Half of the interval of the median, as a share of it: no model can be known to be better."""
    low, high = found["median_ci95_s"]
    return float((high - low) / 2 / found["median_s"])
