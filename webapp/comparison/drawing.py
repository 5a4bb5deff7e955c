"""What the page's scripts draw from."""

from collections.abc import Mapping, Sequence
from typing import Any

from webapp.comparison.clients import VALUES, Frame, HeatMap, limits
from webapp.comparison.curves import AXES, Curve
from webapp.experiments.measures import Measure


def chart_json(curves: Sequence[Curve], measure: Measure, axis: str) -> dict[str, Any]:
    """The lines of the chart and the meaning of its axes."""
    title, unit, _ = AXES[axis]
    return {
        "lines": [_line(curve, is_first=_is_first(curves, place)) for place, curve in enumerate(curves)],
        "axes": {"x": {"title": title, "unit": unit}, "y": {"title": measure.title, "unit": measure.unit}},
    }


def _is_first(curves: Sequence[Curve], place: int) -> bool:
    return place == 0 or curves[place - 1].entry is not curves[place].entry


def _line(curve: Curve, *, is_first: bool) -> Mapping[str, Any]:
    is_one = curve.seed is not None
    return {
        "label": f"{curve.entry.label}, seed {curve.seed}" if is_one else curve.entry.label,
        "legend": curve.entry.label if is_first else "",
        "color": curve.entry.color,
        "dash": curve.entry.dash,
        "width": 1.2 if is_one else 2,
        "x": _short(curve.x),
        "y": _short(curve.mean),
        "low": _short(curve.low),
        "high": _short(curve.high),
        "n": curve.n,
    }


def _short(values: Sequence[float | None]) -> list[float | None]:
    """The values with as many digits as a screen can show: half the size on the way."""
    return [None if value is None else float(f"{value:.7g}") for value in values]


def maps_json(frame: Frame, maps: Sequence[HeatMap], value: str) -> dict[str, Any]:
    """The cells of the client maps, and the range of values that one color scale spans."""
    title, unit = VALUES[value]
    return {
        "first": frame.first,
        "width": frame.width,
        "columns": frame.columns,
        "rows": [frame.name(row) for row in range(frame.rows)],
        "limits": limits(maps),
        "title": title,
        "unit": unit,
        "maps": {one.entry.ref: one.cells for one in maps},
    }
