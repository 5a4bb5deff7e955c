"""Predicted against measured time as a picture: both axes logarithmic, a mark per scenario and prediction."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.emulation.scores import MODELS
from engine.emulation.tables import MODEL_TITLES

SIZE = 240.0
"""Width and height of the picture's inside; it is drawn as large as there is room."""

SHAPES: Mapping[str, str] = {
    "monte_carlo": "M-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0",
    "closed": "M0,-4L4,0L0,4L-4,0Z",
    "naive": "M-3,-3L3,3M3,-3L-3,3",
}
"""A shape for each prediction, around its place, so that color is never alone."""

LEGEND = [(name, SHAPES[name], MODEL_TITLES[name]) for name in ("monte_carlo", "closed", "naive")]
"""Name, shape and words of each prediction, the best first."""

BAND = 0.1
"""Share by which the lines beside the diagonal are off."""

_STEPS, _FEW_STEPS, _MANY_DECADES = (1, 2, 5), (1, 3), 1.4
"""Numbers of a decade that have a line: fewer where there are many decades, so that their labels stay apart."""


@dataclass(frozen=True)
class Mark:
    """A prediction of a scenario: where it stands, and what it says on hovering."""

    model: str
    shape: str
    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Tick:
    """A line of the grid: its place along the axis and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """The picture of one class of loss.

    Attributes:
        name: of the class.
        title: of the class.
        ticks: of both axes.
        marks: the predictions, the naive ones first so that others lie above.
        band: how far the lines of ten percent are beside the diagonal.
    """

    name: str
    title: str
    ticks: list[Tick]
    marks: list[Mark]
    band: float


def chart_of(name: str, title: str, rows: Sequence[Mapping[str, Any]]) -> Chart:
    """The chart of the scenarios of a class of loss that were measured."""
    mine = [row for row in rows if row["loss_class"] == name and row.get("measured")]
    values = [row["measured"]["median_s"] for row in mine]
    values += [row["predicted"][f"{model}_s"] for row in mine for model in MODELS]
    low, high = math.log10(min(values) / 1.15), math.log10(max(values) * 1.15)

    def place(seconds: float) -> float:
        return round(SIZE * (math.log10(seconds) - low) / (high - low), 1)

    marks = [
        Mark(
            model,
            SHAPES[model],
            place(row["measured"]["median_s"]),
            SIZE - place(row["predicted"][f"{model}_s"]),
            _words(row, model),
        )
        for model in ("naive", "closed", "monte_carlo")
        for row in mine
    ]
    ticks = [Tick(place(seconds), _label(seconds)) for seconds in _round_numbers(low, high)]
    return Chart(name, title, ticks, marks, round(SIZE * math.log10(1 + BAND) / (high - low), 1))


def _words(row: Mapping[str, Any], model: str) -> str:
    measured, predicted = row["measured"]["median_s"], row["predicted"][f"{model}_s"]
    return (
        f"{row['title']}, {row['what']}: measured {_label(measured)}, {MODEL_TITLES[model]} {_label(predicted)} "
        f"({100 * row['errors'][model]:+.1f} %)"
    )


def _round_numbers(low: float, high: float) -> list[float]:
    decades = range(math.floor(low), math.ceil(high) + 1)
    steps = _FEW_STEPS if high - low > _MANY_DECADES else _STEPS
    wanted = [step * 10.0**decade for decade in decades for step in steps]
    return [seconds for seconds in wanted if low <= math.log10(seconds) <= high]


def _label(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
