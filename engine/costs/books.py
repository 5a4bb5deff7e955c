"""Closing the books of a costed trace: all charges summed by device and phase, and the traffic by link."""

import numpy as np

from engine.costs.accounts import Floats, Ints
from engine.costs.energy import Charge, Messages, Meter
from engine.costs.ledger import CONNECT, IDLE, QUANTITIES, TAIL, Ledger


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
    phases = tuple(dict.fromkeys((*meter.trace.phases, CONNECT, IDLE, TAIL)))
    connect, idle, tail = (phases.index(name) for name in (CONNECT, IDLE, TAIL))
    sums = _Sums(meter, len(phases))
    sums.take(meter.computations(recalled_s))
    for charge in meter.transfers(messages, connect):
        sums.take(charge)
    first, last = meter.windows()
    for charge in meter.waiting(np.maximum(0.0, last - first - sums.busy_s), messages, (idle, tail)):
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


class _Sums:
    """Running sums by device and phase, weighted by how many times each round took place."""

    def __init__(self, meter: Meter, num_phases: int) -> None:
        accounts = meter.accounts
        self.place = accounts.place_of
        self.repeats = meter.trace.repeats[accounts.round_of].astype(np.float64)
        # In a single round, account k is the k-th device: sums are then plain additions.
        self.is_plain = meter.trace.num_rounds == 1
        self.columns = {name: np.zeros((num_phases, len(accounts.devices))) for name in QUANTITIES}
        self.busy_s = np.zeros(len(accounts.keys))
        self.item_energy_j = np.zeros(meter.trace.num_items)

    def take(self, charge: Charge) -> None:
        """Book a charge."""
        self.busy_s += self._by_account(charge.accounts, charge.time_s)
        if len(charge.items):
            # A message between two devices is charged twice, but each charge names an item once.
            self.item_energy_j[charge.items] += charge.energy_j
        for phase in np.unique(charge.phase):
            mine = slice(None) if charge.phase.ndim == 0 else charge.phase == phase
            for name, rows in self.columns.items():
                amount = getattr(charge, name)
                if amount is not None:
                    rows[phase] += self._by_device(charge.accounts[mine], amount[mine])

    def _by_account(self, accounts: Ints, amount: Floats) -> Floats:
        is_all = len(accounts) == len(self.busy_s) and np.array_equal(accounts, np.arange(len(accounts)))
        return amount if is_all else _sum_by(accounts, amount, len(self.busy_s))

    def _by_device(self, accounts: Ints, amount: Floats) -> Floats:
        weighted = amount * self.repeats[accounts]
        if self.is_plain:
            return self._by_account(accounts, weighted)
        return _sum_by(self.place[accounts], weighted, self.columns["time_s"].shape[1])


def _sum_by(place: Ints, amount: Floats, count: int) -> Floats:
    return np.bincount(place, weights=amount, minlength=count).astype(np.float64, copy=False)


def _links(meter: Meter, messages: Messages) -> dict[str, Floats]:
    """Seconds on air, joules of the network and bytes on the wire by link and direction."""
    repeats = meter.trace.repeats[meter.trace["round"][messages.items]].astype(np.float64)
    links = messages.table.links
    count = len(links["time_s"])
    times = np.bincount(messages.kind, weights=repeats, minlength=count)
    return {name: np.tensordot(times, values, axes=1) for name, values in links.items()}
