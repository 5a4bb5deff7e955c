"""The differences as a drawing: one scale for all rows, the interval as a bar, every pair as a dot, zero as a line."""

from collections.abc import Iterator
from dataclasses import dataclass

from webapp.comparison.tables import Row, Table

WIDTH, HEIGHT, MARGIN = 150.0, 26.0, 7.0


@dataclass(frozen=True)
class Mark:
    """The drawing of one row, in a box of 150 by 26.

    Attributes:
        zero: where there is no difference.
        mean: of the difference.
        low: lower end of its interval; equal to ``high`` where there is none.
        high: upper end.
        pairs: the difference of each seed.
        said: the same in words.
    """

    zero: float
    mean: float
    low: float
    high: float
    pairs: tuple[float, ...]
    said: str


def marks(table: Table) -> dict[str, Mark]:
    """A drawing for each row that has a difference, by the row's ref."""
    numbers = [0.0, *(number for row in table.others for number in _numbers(row))]
    low, high = min(numbers), max(numbers)
    if high <= low:
        low, high = low - 1.0, high + 1.0
    scale = (WIDTH - 2 * MARGIN) / (high - low)

    def at(number: float) -> float:
        return round(MARGIN + (number - low) * scale, 1)

    return {
        row.entry.ref: Mark(
            zero=at(0.0),
            mean=at(row.comparison.difference.mean),
            low=at((row.comparison.difference.ci95 or (row.comparison.difference.mean,))[0]),
            high=at((row.comparison.difference.ci95 or (row.comparison.difference.mean,))[-1]),
            pairs=tuple(at(number) for number in row.differences.values()),
            said=_said(table, row),
        )
        for row in table.others
        if row.comparison is not None
    }


def _numbers(row: Row) -> Iterator[float]:
    yield from row.differences.values()
    if row.comparison is not None:
        yield from row.comparison.difference.ci95 or ()


def _said(table: Table, row: Row) -> str:
    symbol = table.formats["difference"].symbol
    pairs = ", ".join(
        f"seed {seed} {table.formats['difference'].shown(number)}" for seed, number in row.differences.items()
    )
    return f"Differences to {table.baseline.label}{f' in {symbol}' if symbol else ''}: {pairs}"
