"""Which device takes part in which round: the accounts that seconds and joules are booked to."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.costs.trace import BARRIER, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Places = Ints | slice
"""Places in a column; a slice where they are neighbors, which is read and written without copying."""

DENSE_FACTOR = 4
"""Rounds times devices may exceed the number of items by this factor before accounts are found by sorting."""


def tight(places: Ints) -> Places:
    """As a slice where they are neighbors in ascending order."""
    count = len(places)
    if not count or places[-1] - places[0] != count - 1 or not np.all(places[1:] > places[:-1]):
        return places
    return slice(int(places[0]), int(places[-1]) + 1)


def only(values: NDArray[Any]) -> NDArray[Any]:
    """One number without an axis where all are the same: what follows from it needs to be computed once."""
    is_one = len(values) > 0 and values[0] == values[-1] and bool(np.all(values == values[0]))
    return np.array(values[0]) if is_one else values


@dataclass(frozen=True)
class Accounts:
    """The pairs of a round and a device that occur in a trace.

    Attributes:
        devices: (n,) devices that take part, ascending.
        rank: (N,) place of each device of the fleet among them; meaningless for others.
        keys: (K,) the pairs as round * n + rank, ascending.
        dense: (R * n,) place of each pair among ``keys``; None where that would be too large, or not needed.
        is_single: whether there is one round only, so that the accounts are the devices.
    """

    devices: Ints
    rank: Ints
    keys: Ints
    dense: Ints | None
    is_single: bool = False

    @classmethod
    def of(cls, trace: Trace, num_devices: int) -> "Accounts":
        """The accounts of a trace on a fleet of N devices."""
        is_real = trace["kind"] != BARRIER
        is_there = np.zeros(num_devices + 1, dtype=np.bool_)
        for name in ("source", "target"):
            nodes = trace[name]
            is_there[np.where(is_real & (nodes >= 0), nodes, num_devices)] = True  # the last place is nobody's
        devices = np.flatnonzero(is_there[:-1])
        rank = np.zeros(num_devices, dtype=np.int64)  # of others it is not asked; untouched memory costs nothing
        rank[devices] = np.arange(len(devices))
        if trace.num_rounds == 1:
            return cls(devices, rank, np.arange(len(devices)), None, is_single=True)
        return cls._of_many(trace, devices, rank, is_real)

    @classmethod
    def _of_many(cls, trace: Trace, devices: Ints, rank: Ints, is_real: NDArray[np.bool_]) -> "Accounts":
        """The accounts of several rounds."""
        count, keys = len(devices), []
        for name in ("source", "target"):
            mask = is_real & (trace[name] >= 0)
            keys.append(trace["round"][mask].astype(np.int64) * count + rank[trace[name][mask]])
        if trace.num_rounds * count > DENSE_FACTOR * trace.num_items:
            return cls(devices, rank, np.unique(np.concatenate(keys)), None)
        is_used = np.zeros(trace.num_rounds * count, dtype=np.bool_)
        for part in keys:
            is_used[part] = True
        return cls(devices, rank, np.flatnonzero(is_used), np.cumsum(is_used, dtype=np.int64) - 1)

    def find(self, rounds: NDArray[np.int32], nodes: NDArray[np.int32]) -> Ints:
        """The account of each (round, device)."""
        if self.is_single:
            return self.rank.take(nodes)
        keys = rounds.astype(np.int64) * len(self.devices) + self.rank.take(nodes)
        return np.searchsorted(self.keys, keys) if self.dense is None else self.dense[keys]

    @cached_property
    def round_of(self) -> Ints:
        """(K,) the round of each account."""
        return self.keys // max(1, len(self.devices))

    @cached_property
    def place_of(self) -> Ints:
        """(K,) the place of each account's device among ``devices``."""
        return self.keys % max(1, len(self.devices))


def last_devices(accounts: Accounts, last: Floats, num_rounds: int) -> list[tuple[int, float] | None]:
    """The device that ends last in each round, with its time; the lowest number where several do.

    Args:
        accounts: K accounts.
        last: (K,) when each ends, from the start of its round.
        num_rounds: number of rounds.
    """
    found: list[tuple[int, float] | None] = [None] * num_rounds
    if not len(accounts.keys):
        return found
    rounds = accounts.round_of
    first = np.concatenate([[0], np.flatnonzero(np.diff(rounds)) + 1])
    highest = np.maximum.reduceat(last, first)
    is_last = last == np.repeat(highest, np.diff(np.concatenate([first, [len(rounds)]])))
    where = np.flatnonzero(is_last)
    where = where[np.unique(rounds[where], return_index=True)[1]]
    for place in where:
        found[int(rounds[place])] = (int(accounts.devices[accounts.place_of[place]]), float(last[place]))
    return found
