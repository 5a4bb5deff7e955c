"""Closing the books of a costed trace: all charges summed by device and phase, and the traffic by link."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.costs.accounts import Floats, Places, tight
from engine.costs.charges import Charge, Messages
from engine.costs.columns import Column, Columns
from engine.costs.ends import Extra
from engine.costs.energy import Meter, windows
from engine.costs.ledger import CONNECT, IDLE, QUANTITIES, QUEUE, RELAY, TAIL, Ledger
from engine.costs.trace import COMPUTE

CHUNK = 2**15
"""Items that are priced at once: their intermediate columns stay in the processor's cache."""


def close_books(
    meter: Meter, recalled_s: Floats, messages: Messages, elapsed_s: float
) -> tuple[Ledger, Floats, Floats]:
    """Sum everything up.

    Args:
        meter: prices what happened.
        recalled_s: (C,) the part of each computation's time that rests on recalled rates.
        messages: the messages.
        elapsed_s: simulated time of all rounds.

    Returns:
        The ledger; (I,) joules by item; (K,) when each account ends, from the start of its round.
    """
    added = (CONNECT, QUEUE, IDLE, TAIL) if messages.passes is None else (CONNECT, QUEUE, IDLE, TAIL, RELAY)
    phases = tuple(dict.fromkeys((*meter.trace.phases, *added)))
    connect, queue, idle, tail, relay = (phases.index(name) for name in (CONNECT, QUEUE, IDLE, TAIL, added[-1]))
    sums = _Sums(meter, len(phases))
    computations = np.flatnonzero(meter.trace["kind"] == COMPUTE)
    for part in _parts(len(computations)):
        sums.take(meter.computations(computations[part], recalled_s[part]))
    for part in _parts(len(messages.items)):
        for charge in meter.transfers(messages.part(part), Extra(connect, queue, relay)):
            sums.take(charge)
    first, last = windows(meter.trace, meter.accounts, meter.start, meter.end)
    idle_s = np.maximum(0.0, last - first - sums.busy_s)
    silence_s, spoke = meter.silence(messages)
    for part in _parts(len(idle_s)):
        for charge in meter.waiting(part, (idle_s[part], silence_s[part], spoke[part]), (idle, tail)):
            sums.take(charge)
    accounts, network = meter.accounts, meter.network
    ledger = Ledger(
        groups=meter.fleet.names,
        phases=phases,
        link_names=network.table.names,
        devices=accounts.devices,
        group_of=meter.fleet.group_of[accounts.devices],
        values=Columns(sums.columns),
        link_values=_links(meter, messages),
        elapsed_s=elapsed_s,
    )
    return ledger, sums.item_energy_j, last


def _parts(count: int) -> Iterator[slice]:
    """Slices that cover so many places."""
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))


class _Sums:
    """Running sums by device and phase, weighted by how many times each round took place."""

    def __init__(self, meter: Meter, num_phases: int) -> None:
        accounts = meter.accounts
        self.place = None if accounts.is_single else accounts.place_of
        self.repeats: Floats = meter.trace.repeats.astype(np.float64)
        if not accounts.is_single:
            self.repeats = self.repeats[accounts.round_of]
        self.is_weighted = bool(np.any(self.repeats != 1))
        count = len(accounts.devices)
        self.columns = {name: [Column(count) for _ in range(num_phases)] for name in QUANTITIES}
        self.busy_s = np.zeros(len(accounts.keys))
        self.item_energy_j = np.zeros(meter.trace.num_items)

    def take(self, charge: Charge) -> None:
        """Book a charge."""
        if not charge.is_beside:
            _add(self.busy_s, charge.accounts, charge.time_s)
        if charge.items is not None:
            # A message between two devices is charged twice, but each charge names an item once.
            self.item_energy_j[charge.items] += charge.energy_j
        place = charge.accounts if self.place is None else tight(self.place[charge.accounts])
        if charge.phase.ndim == 0:
            self._book(charge, int(charge.phase), place, None)
            return
        for phase in np.unique(charge.phase).tolist():
            self._book(charge, phase, place, charge.phase == phase)

    def _book(self, charge: Charge, phase: int, place: Places, mine: NDArray[np.bool_] | None) -> None:
        """Add the amounts of a charge to one phase, those of some of its places only."""
        weight: Any = 1.0
        if self.is_weighted:
            weight = self.repeats if self.place is None else self.repeats[charge.accounts]
        for name, rows in self.columns.items():
            amount = getattr(charge, name)
            if amount is None:
                continue
            weighted = amount * weight if self.is_weighted else amount
            if mine is None:
                rows[phase].add(place, weighted)
            else:
                places = np.arange(place.start, place.stop) if isinstance(place, slice) else place
                rows[phase].add(places[mine], np.broadcast_to(weighted, mine.shape)[mine])


def _add(sums: Floats, place: Places, amount: Floats) -> None:
    """Add amounts at places, which may occur more than once; neighbors are one addition."""
    if isinstance(place, slice):
        sums[place] += amount
    else:
        np.add.at(sums, place, amount)


def _links(meter: Meter, messages: Messages) -> dict[str, Floats]:
    """Seconds on air, joules of the network and bytes on the wire by link and direction."""
    links, repeats = messages.table.links, meter.trace.repeats
    count = len(links["time_s"])
    weights = None if len(repeats) == 1 else repeats[meter.trace["round"][messages.items]].astype(np.float64)
    times = np.asarray(np.bincount(messages.kind, weights=weights, minlength=count), dtype=np.float64)
    if weights is None:
        times = times * float(repeats[0])
    return {name: np.tensordot(times, values, axes=1) for name, values in links.items()}
