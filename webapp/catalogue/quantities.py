"""Numbers as people read them: three significant digits, an SI prefix, a thin space, a unit.

``static/webapp/js/quantities.js`` holds the same rules for what changes live; one table of cases tests both.
"""

import math

THIN_SPACE = "\u202f"
MINUS = "\u2212"
DASH = "\u2013"

_PREFIXES = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "\u00b5"),
    (1e-9, "n"),
    (1e-12, "p"),
)
_TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
_PREFIXED = {"s", "J", "W", "B", "bit/s", "Hz", "MAC", "MAC/s", "FLOP/s", "J/bit", "J/MAC", "m", "B/s", "g", "V", "A"}
_WHOLE = {"B", "MAC"}
"""Units that come in whole pieces: no milli-bytes."""


def digits(value: float, significant: int = 3) -> str:
    """A number with that many significant digits, thousands apart; never in powers of ten between 1e-4 and 1e15."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude < 1e-4 or magnitude >= 1e15:
        return f"{value:.{significant - 1}e}".replace("-", MINUS)
    # The exponent of the rounded number: 0.9996 becomes 1.00, not 1.000.
    places = max(0, significant - 1 - int(f"{magnitude:.{significant - 1}e}".partition("e")[2]))
    text = f"{value:,.{places}f}"
    if "." in text and float(value).is_integer():
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", THIN_SPACE).replace("-", MINUS)


def quantity(value: float | None, unit: str = "") -> tuple[str, str]:
    """Number and unit as two texts, so that a page can set the unit smaller.

    Args:
        value: in the plain SI unit; None shows as a dash.
        unit: SI symbol; ``%`` takes a share between 0 and 1; empty for a plain number.
    """
    if value is None or not math.isfinite(value):
        return DASH, ""
    if unit == "%":
        return _percent(value), "%"
    if unit == "s" and abs(value) >= 60:
        size, symbol = next(pair for pair in _TIMES if abs(value) >= pair[0])
        return digits(value / size), symbol
    if unit in _PREFIXED:
        return _prefixed(value, unit)
    return digits(value), unit


def scale(largest: float, unit: str = "") -> tuple[float, str]:
    """The unit that suits a column of numbers: how large one of it is in the plain unit, and its symbol.

    Args:
        largest: the largest magnitude of the column.
        unit: the plain SI unit.
    """
    if unit == "s" and largest >= 60:
        return next(pair for pair in _TIMES if largest >= pair[0])
    if unit not in _PREFIXED or largest == 0:
        return 1.0, unit
    size, prefix = _prefix(largest, unit)
    return size, prefix + unit


def pair(one: float | None, other: float | None, unit: str) -> tuple[str, str]:
    """Two numbers in the unit that suits the larger: ``("3.85 / 0.4", "MB")``."""
    if one is None or other is None:
        return DASH, ""
    larger = max(abs(one), abs(other))
    number, symbol = quantity(larger, unit)
    scale = next((size for size, prefix in _PREFIXES if prefix + unit == symbol), 1.0)
    first, second = (number if abs(value) == larger else digits(value / scale) for value in (one, other))
    return f"{first} / {second}", symbol


def text(value: float | None, unit: str = "") -> str:
    """Number and unit as one text."""
    number, symbol = quantity(value, unit)
    return f"{number}{THIN_SPACE}{symbol}" if symbol else number


def count(value: int | None) -> str:
    """A whole number in full, thousands apart."""
    return DASH if value is None else f"{value:,}".replace(",", THIN_SPACE).replace("-", MINUS)


def _percent(value: float) -> str:
    percent = value * 100
    places = 2 if 0 < abs(percent) < 1 else 1
    return f"{percent:.{places}f}".replace("-", MINUS)


def _prefixed(value: float, unit: str) -> tuple[str, str]:
    if value == 0:
        return "0", unit
    size, prefix = _prefix(abs(value), unit)
    return digits(value / size), prefix + unit


def _prefix(magnitude: float, unit: str) -> tuple[float, str]:
    smallest = 1.0 if unit in _WHOLE else 0.0
    for size, prefix in _PREFIXES:
        # 0.9995 rounds up to 1.000 at three digits: then the larger prefix reads better.
        if magnitude / size >= 0.9995 or size == smallest or prefix == "p":
            return size, prefix
    raise AssertionError("the smallest prefix takes everything")
