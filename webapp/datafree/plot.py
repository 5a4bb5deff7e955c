"""Size against accuracy as a drawing: every measured model, and the memory that the fleet's devices have."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webapp.catalogue.quantities import text
from webapp.datafree.board import Board

WIDTH, HEIGHT = 620.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 26.0, 30.0, 36.0
FAR = 1000
"""Devices with more flash than so many times the largest model are no limit."""

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
"""What the marks of the accuracy can be apart."""
MOST_TICKS = 7

SIGNS = {
    "teacher": "M-6-6H6V6H-6z",
    "student": "M0-7L7 0L0 7L-7 0z",
    "baseline": "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0z",
    "file": "M0-7L6.5 5H-6.5z",
}
"""Shapes of points, around the origin: teacher square, student diamond, baselines round, exported files triangles."""


@dataclass(frozen=True)
class Point:
    """A model of a size and an accuracy."""

    title: str
    sign: str
    color: int
    num_bytes: int
    accuracy: float
    x: float
    y: float

    @property
    def shape(self) -> str:
        """Path of its sign."""
        return SIGNS[self.sign]


@dataclass(frozen=True)
class Limit:
    """The flash of a device."""

    title: str
    num_bytes: int
    x: float
    y: float
    """Where its words stand: lines that are close have theirs one below the other."""


@dataclass(frozen=True)
class Tick:
    """A mark beside an axis."""

    place: float
    words: str


@dataclass(frozen=True)
class Plot:
    """The drawing."""

    points: Sequence[Point]
    limits: Sequence[Limit]
    far: Sequence[tuple[str, int]]
    """Title and flash of devices that have so much more that their line would only press the points together."""
    xs: Sequence[Tick]
    ys: Sequence[Tick]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    top: float = TOP
    right: float = WIDTH - RIGHT
    bottom: float = HEIGHT - BOTTOM

    @property
    def summary(self) -> str:
        """The drawing in words."""
        told = [f"{one.title} {text(one.accuracy, '%')} at {text(one.num_bytes, 'B')}" for one in self.points]
        return f"Size of weights against accuracy: {', '.join(told)}"


def plot_of(board: Board, limits: Sequence[tuple[str, int]]) -> Plot | None:
    """The drawing of a board; None before anything is measured.

    Args:
        board: what was measured.
        limits: title and flash in bytes of each kind of device that has a known one.
    """
    measured = _measured(board)
    if not measured:
        return None
    most = FAR * max(size for *_, size, _ in measured)
    near, far = [one for one in limits if one[1] <= most], [one for one in limits if one[1] > most]
    sizes = [size for *_, size, _ in measured] + [size for _, size in near]
    low, high = math.floor(math.log10(min(sizes)) - 0.05), math.ceil(math.log10(max(sizes)) + 0.05)
    worst = min(accuracy for *_, accuracy in measured)
    step = next(step for step in STEPS if (1.0 - worst) / step <= MOST_TICKS)
    least = max(0.0, min(1.0 - step, math.floor(worst / step - 0.2) * step))

    def across(size: float) -> float:
        return round(LEFT + (math.log10(size) - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def up(accuracy: float) -> float:
        return round(HEIGHT - BOTTOM - (accuracy - least) / (1.0 - least) * (HEIGHT - TOP - BOTTOM), 1)

    points = [
        Point(title, sign, color, size, accuracy, across(size), up(accuracy))
        for title, sign, color, size, accuracy in measured
    ]
    xs = [Tick(across(10.0**power), text(10.0**power, "B")) for power in range(low, high + 1)]
    marks = [least + step * place for place in range(round((1.0 - least) / step) + 1)]
    ys = [Tick(up(mark), text(mark, "%").replace(".0", "")) for mark in marks]
    return Plot(points, _limits(near, across), far, xs, ys)


def _measured(board: Board) -> list[tuple[str, str, int, int, float]]:
    """Title, sign, color, size and accuracy of everything that has both."""
    found = []
    for row in board.contenders.values():
        size = (row.get("bytes") or {}).get(str(row.get("precision", "fp32")))
        if size and row.get("accuracy") is not None:
            role = str(row.get("role", ""))
            sign = role if role in SIGNS else "baseline"
            found.append((str(row["title"]), sign, board.color(str(row["name"])), int(size), float(row["accuracy"])))
    for row in board.exports.values():
        if row.get("num_bytes") and row.get("accuracy") is not None:
            title = str(row.get("title") or row["name"])
            found.append((f"file: {title}", "file", 6, int(row["num_bytes"]), float(row["accuracy"])))
    return found


def _limits(limits: Sequence[tuple[str, int]], across: Callable[[float], float]) -> list[Limit]:
    found: list[Limit] = []
    for title, size in sorted(limits, key=lambda one: one[1]):
        x = across(size)
        level = sum(abs(other.x - x) < 150 for other in found)
        found.append(Limit(title, size, x, round(12.0 + 13.0 * (level % 3), 1)))
    return found
