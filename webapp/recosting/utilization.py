"""How busy each link was over the rounds of a run, as small charts and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 600.0, 64.0

MOST_ROWS = 100
"""Rows of the table of rounds; REST gives every stretch."""


@dataclass(frozen=True)
class LinkChart:
    """A link with the course of its use.

    Attributes:
        row: its entry of the sheet.
        busy: outline of the busy share of its busiest channel over the rounds, in a box of 600 by 64.
        up, down: lines of the bytes of a round in both directions, on one scale.
        top: share at the top of the box.
        top_bytes: bytes at the top of the box.
        overhead: headers and repetitions as a share of the bytes of messages; None if nothing was sent.
        parts: bytes of messages and of overhead by direction, as shares of the link with most bytes: x, width, color.
    """

    row: Mapping[str, Any]
    busy: str
    up: str
    down: str
    top: float
    top_bytes: float
    overhead: float | None
    parts: Sequence[tuple[float, float, str]]

    @property
    def wire_bytes(self) -> float:
        """Bytes on the wire in both directions."""
        return float(sum(self.row["wire_bytes"]))


def charts_of(sheet: Mapping[str, Any]) -> list[LinkChart]:
    """A chart for each link that carried anything."""
    rows = [row for row in sheet["links"] if row["num_connections"]]
    most = max((sum(row["wire_bytes"]) for row in rows), default=0.0)
    return [_chart(row, most) for row in rows]


def table_of(sheet: Mapping[str, Any]) -> list[tuple[str, list[tuple[float, float, float]]]]:
    """Rounds with bytes up, bytes down and busy share of each link, in at most a hundred rows."""
    first, total = sheet["first"], sheet["num_rounds"]
    step = -(-len(first) // MOST_ROWS) if first else 1
    links = [row for row in sheet["links"] if row["num_connections"]]
    rows = []
    for start in range(0, len(first), step):
        end = min(start + step, len(first))
        last = first[end] - 1 if end < len(first) else total
        values = [
            (_mean(row["up_bytes"][start:end]), _mean(row["down_bytes"][start:end]), max(row["busiest"][start:end]))
            for row in links
        ]
        rows.append((f"{first[start]}" if last == first[start] else f"{first[start]}–{last}", values))
    return rows


def _chart(row: Mapping[str, Any], most: float) -> LinkChart:
    payload, wire = sum(row["payload_bytes"]), sum(row["wire_bytes"])
    top = _nice(max(row["busiest"], default=0.0))
    top_bytes = max([*row["up_bytes"], *row["down_bytes"], 0.0])
    line = _line(row["busiest"], top)
    parts, x = [], 0.0
    for way, (color, pale) in enumerate((("fill-2", "fill-2 pale"), ("fill-1", "fill-1 pale"))):
        own, all_ = row["payload_bytes"][way], row["wire_bytes"][way]
        for amount, shade in ((min(own, all_), color), (max(0.0, all_ - own), pale)):
            width = 100 * amount / most if most else 0.0
            parts.append((round(x, 3), round(width, 3), shade))
            x += width
    return LinkChart(
        row=row,
        busy=f"M0 {HEIGHT:g}L{line}L{WIDTH:g} {HEIGHT:g}z" if line else "",
        up=f"M{_line(row['up_bytes'], top_bytes)}",
        down=f"M{_line(row['down_bytes'], top_bytes)}",
        top=top,
        top_bytes=top_bytes,
        overhead=wire / payload - 1 if payload else None,
        parts=parts,
    )


def _line(values: Sequence[float], top: float) -> str:
    """Points of a line from left to right; a single value is level."""
    if not values or top <= 0:
        return f"0 {HEIGHT:g}L{WIDTH:g} {HEIGHT:g}"
    if len(values) == 1:
        values = [values[0], values[0]]
    step = WIDTH / (len(values) - 1)
    return "L".join(
        f"{place * step:.1f} {HEIGHT - value / top * (HEIGHT - 2):.1f}" for place, value in enumerate(values)
    )


def _nice(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    if value <= 0:
        return 1.0
    size = 1.0
    while size > value:
        size /= 10
    while size * 10 < value:
        size *= 10
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= value)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
