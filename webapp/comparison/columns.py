"""The columns of a comparison's table, and how their numbers read: one unit and one precision for all rows."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from webapp.catalogue.quantities import DASH, MINUS, THIN_SPACE, digits, scale
from webapp.experiments.measures import Measure

Value = float | int | str | None
Kind = Literal["text", "count", "metric", "difference", "p", "effect", "cost"]

MOST_PLACES = 6


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: in files and answers of the API.
        title: on pages.
        kind: what its values are; it decides how they read.
        unit: SI symbol of the values; ``%`` for shares between 0 and 1.
    """

    name: str
    title: str
    kind: Kind
    unit: str = ""


def columns_of(measure: Measure) -> tuple[Column, ...]:
    """The columns of a table about that metric."""
    unit = measure.unit
    return (
        Column("setting", "Setting", "text"),
        Column("n", "n", "count"),
        Column("mean", f"{measure.title}, mean", "metric", unit),
        Column("ci95_low", "95 % CI from", "metric", unit),
        Column("ci95_high", "to", "metric", unit),
        Column("pairs", "Pairs", "count"),
        Column("difference", "Difference", "difference", unit),
        Column("difference_low", "95 % CI from", "difference", unit),
        Column("difference_high", "to", "difference", unit),
        Column("p_t", "p, paired t", "p"),
        Column("p_sign_flip", "p, sign flip", "p"),
        Column("effect_size", "Effect size", "effect"),
        Column("claim", "Claim", "text"),
        Column("time_s", "Time", "cost", "s"),
        Column("energy_j", "Energy", "cost", "J"),
        Column("bytes_up", "Sent up", "cost", "B"),
        Column("bytes_down", "Sent down", "cost", "B"),
        Column("share_recalled", "Recalled", "cost", "%"),
    )


@dataclass(frozen=True)
class Format:
    """How the numbers of a column read.

    Attributes:
        kind: what they are.
        scale: what one of the shown unit is in the stored one.
        symbol: the shown unit; empty for plain numbers.
        places: digits after the point; None for three significant digits each.
    """

    kind: Kind
    scale: float = 1.0
    symbol: str = ""
    places: int | None = None

    def shown(self, value: Value) -> str:
        """The value without its unit, as it stands on pages and in print."""
        if value is None:
            return DASH
        if isinstance(value, str):
            return value
        if self.kind == "count":
            return str(value)
        if self.kind == "p":
            return probability(value)
        number = value / self.scale
        sign = "+" if self.kind in {"difference", "effect"} and number > 0 else ""
        if self.places is None:
            return sign + digits(number)
        text = f"{number:,.{self.places}f}".replace(",", THIN_SPACE).replace("-", MINUS)
        is_zero = not any(digit in text for digit in "123456789")
        return text.removeprefix(MINUS) if is_zero else sign + text


def probability(p: float) -> str:
    """A p value with at most four digits after the point."""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}".rstrip("0").removesuffix(".")


def formats_of(columns: Iterable[Column], rows: Iterable[Mapping[str, Value]]) -> dict[str, Format]:
    """The format of each column: a mean stands at the precision of its interval, a cost in the unit of the largest."""
    rows = list(rows)
    found: dict[str, Format] = {}
    for names in (("mean", "ci95_low", "ci95_high"), ("difference", "difference_low", "difference_high")):
        own = [column for column in columns if column.name in names]
        found.update(_spreads(own, rows))
    for column in columns:
        if column.kind == "cost":
            size, symbol = _unit(column.unit, _numbers(rows, column.name))
            found[column.name] = Format("cost", size, symbol, 1 if column.unit == "%" else None)
        elif column.name not in found:
            found[column.name] = Format(column.kind, places=2 if column.kind == "effect" else None)
    return found


def _spreads(columns: list[Column], rows: list[Mapping[str, Value]]) -> dict[str, Format]:
    middle, low, high = (column.name for column in columns)
    kind, unit = columns[0].kind, columns[0].unit
    size, symbol = _unit(unit, [number for name in (middle, low, high) for number in _numbers(rows, name)])
    if symbol == "%" and kind == "difference":
        symbol = "points"
    means = [abs(number) / size for number in _numbers(rows, middle)]
    halves = [_half(row, low, high) / size for row in rows]
    places = 1 if unit == "%" else max((_places(mean, 3) for mean in means), default=0)
    # A bound that differs by one in its last digit still says something: two digits of the smallest half width.
    places = max([places, *(_places(half, 2) for half in halves)])
    format_ = Format(kind, size, symbol, min(places, MOST_PLACES))
    return dict.fromkeys((middle, low, high), format_)


def _unit(unit: str, numbers: list[float]) -> tuple[float, str]:
    if unit == "%":
        return 0.01, "%"
    return scale(max((abs(number) for number in numbers), default=0.0), unit)


def _numbers(rows: Iterable[Mapping[str, Value]], name: str) -> list[float]:
    values = (row[name] for row in rows)
    return [float(value) for value in values if isinstance(value, int | float)]


def _half(row: Mapping[str, Value], low: str, high: str) -> float:
    below, above = row[low], row[high]
    if isinstance(below, int | float) and isinstance(above, int | float):
        return (above - below) / 2
    return 0.0


def _places(value: float, significant: int) -> int:
    """Digits after the point that show that many significant digits."""
    return max(0, significant - 1 - math.floor(math.log10(value))) if value > 0 and math.isfinite(value) else 0
