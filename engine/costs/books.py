"""Closing the books of a costed trace: all charges summed by device and phase, and the traffic by link."""

from collections.abc import Iterator

import numpy as np

from engine.costs.accounts import Floats, Ints
from engine.costs.energy import Charge, Extra, Messages, Meter, windows
from engine.costs.ledger import CONNECT, IDLE, QUANTITIES, QUEUE, RELAY, TAIL, Ledger
from engine.costs.trace import COMPUTE

CHUNK = 2**16
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
        values={name: rows.T for name, rows in sums.columns.items()},
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
        self.place = accounts.place_of
        self.repeats = meter.trace.repeats[accounts.round_of].astype(np.float64)
        self.columns = {name: np.zeros((num_phases, len(accounts.devices))) for name in QUANTITIES}
        self.busy_s = np.zeros(len(accounts.keys))
        self.item_energy_j = np.zeros(meter.trace.num_items)

    def take(self, charge: Charge) -> None:
        """Book a charge."""
        if not charge.is_beside:
            _add(self.busy_s, charge.accounts, charge.time_s)
        if len(charge.items):
            # A message between two devices is charged twice, but each charge names an item once.
            self.item_energy_j[charge.items] += charge.energy_j
        place, weight = self.place[charge.accounts], self.repeats[charge.accounts]
        for phase in np.unique(charge.phase):
            mine = slice(None) if charge.phase.ndim == 0 else charge.phase == phase
            for name, rows in self.columns.items():
                amount = getattr(charge, name)
                if amount is not None:
                    _add(rows[phase], place[mine], amount[mine] * weight[mine])


def _add(sums: Floats, place: Ints, amount: Floats) -> None:
    """Add amounts at places, which may occur more than once; a run of neighbors is one addition."""
    if len(place) and place[-1] - place[0] == len(place) - 1 and np.all(np.diff(place) == 1):
        sums[place[0] : place[-1] + 1] += amount
    else:
        np.add.at(sums, place, amount)


def _links(meter: Meter, messages: Messages) -> dict[str, Floats]:
    """Seconds on air, joules of the network and bytes on the wire by link and direction."""
    repeats = meter.trace.repeats[meter.trace["round"][messages.items]].astype(np.float64)
    links = messages.table.links
    count = len(links["time_s"])
    times = np.bincount(messages.kind, weights=repeats, minlength=count)
    return {name: np.tensordot(times, values, axes=1) for name, values in links.items()}
