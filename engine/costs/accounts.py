"""Which device takes part in which round: the accounts that seconds and joules are booked to."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.costs.trace import BARRIER, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DENSE_FACTOR = 4
"""Rounds times devices may exceed the number of items by this factor before accounts are found by sorting."""


@dataclass(frozen=True)
class Accounts:
    """The pairs of a round and a device that occur in a trace.

    Attributes:
        devices: (n,) devices that take part, ascending.
        rank: (N,) place of each device of the fleet among them; meaningless for others.
        keys: (K,) the pairs as round * n + rank, ascending.
        dense: (R * n,) place of each pair among ``keys``; None where that would be too large.
    """

    devices: Ints
    rank: Ints
    keys: Ints
    dense: Ints | None

    @classmethod
    def of(cls, trace: Trace, num_devices: int) -> "Accounts":
        """The accounts of a trace on a fleet of N devices."""
        is_real = trace["kind"] != BARRIER
        ends = [(is_real & (trace[name] >= 0), trace[name]) for name in ("source", "target")]
        is_there = np.zeros(num_devices, dtype=np.bool_)
        for mask, nodes in ends:
            is_there[nodes[mask]] = True
        devices = np.flatnonzero(is_there)
        rank = np.cumsum(is_there, dtype=np.int64) - 1
        count = len(devices)
        keys = [trace["round"][mask].astype(np.int64) * count + rank[nodes[mask]] for mask, nodes in ends]
        if trace.num_rounds * count > DENSE_FACTOR * trace.num_items:
            return cls(devices, rank, np.unique(np.concatenate(keys)), None)
        is_used = np.zeros(trace.num_rounds * count, dtype=np.bool_)
        for part in keys:
            is_used[part] = True
        return cls(devices, rank, np.flatnonzero(is_used), np.cumsum(is_used, dtype=np.int64) - 1)

    def find(self, rounds: NDArray[np.int32], nodes: NDArray[np.int32]) -> Ints:
        """The account of each (round, device)."""
        keys = rounds.astype(np.int64) * len(self.devices) + self.rank[nodes]
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
