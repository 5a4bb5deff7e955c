"""Columns of the ledger as they are summed up: what is the same for a run of devices is written down once."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from engine.costs.accounts import Floats, Ints, Places

Matrix = NDArray[np.float64]


class Column:
    """Amounts of n devices, zero at first.

    Args:
        count: n.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._same: list[tuple[slice, float]] = []
        self._each: Floats | None = None

    def add(self, place: Places, amount: Floats) -> None:
        """Add amounts at places, which may occur more than once, or one amount at all of them."""
        if isinstance(place, slice) and np.ndim(amount) == 0:
            if amount:
                self._append(place, float(amount))
            return
        if self._each is None:
            self._each = np.zeros(self._count)
        if isinstance(place, slice):
            self._each[place] += amount
        else:
            np.add.at(self._each, place, amount)

    def _append(self, place: slice, amount: float) -> None:
        if self._same and self._same[-1] == (slice(self._same[-1][0].start, place.start), amount):
            place = slice(self._same.pop()[0].start, place.stop)
        self._same.append((place, amount))

    def values(self) -> Floats:
        """(n,) the amounts."""
        whole = np.zeros(self._count) if self._each is None else self._each.copy()
        for place, amount in self._same:
            whole[place] += amount
        return whole

    def sums(self, borders: Ints) -> Floats:
        """(G,) the amounts summed by group, the groups being between these G + 1 borders."""
        total = np.zeros(len(borders) - 1)
        if self._each is not None:
            # an empty group would get its neighbor's first amount
            filled = np.flatnonzero(borders[1:] > borders[:-1])
            total[filled] += np.add.reduceat(self._each, borders[filled])
        for place, amount in self._same:
            clipped = np.clip(borders, place.start, place.stop)
            total += amount * (clipped[1:] - clipped[:-1])
        return total


class Columns(Mapping[str, Matrix]):
    """(n, P) matrices by quantity, put together when somebody looks at them.

    Args:
        columns: by quantity, one column per phase.
    """

    def __init__(self, columns: Mapping[str, list[Column]]) -> None:
        self._columns = columns
        self._known: dict[str, Matrix] = {}

    def __getitem__(self, name: str) -> Matrix:
        if name not in self._known:
            self._known[name] = np.stack([column.values() for column in self._columns[name]], axis=1)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def sums(self, name: str, group_of: NDArray[np.int32], num_groups: int) -> Matrix:
        """(G, P) one quantity summed by group; devices stand in the order of their groups."""
        borders = np.searchsorted(group_of, np.arange(num_groups + 1))
        return np.stack([column.sums(borders) for column in self._columns[name]], axis=1)


def sums_of(values: Mapping[str, Matrix], name: str, group_of: NDArray[np.int32], num_groups: int) -> Matrix:
    """(G, P) one quantity summed by group, of columns that may not have been put together."""
    if isinstance(values, Columns):
        return values.sums(name, group_of, num_groups)
    matrix = values[name]
    totals = [np.bincount(group_of, column, minlength=num_groups) for column in matrix.T]
    return np.stack(totals, axis=1) if totals else np.zeros((num_groups, 0))
