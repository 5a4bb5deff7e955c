"""Closing the books of a costed trace: all charges summed by device and phase, and the traffic by link."""

import numpy as np

from engine.costs.accounts import Floats
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
        values=sums.columns,
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
        self.shape = (len(accounts.devices), num_phases)
        self.columns = {name: np.zeros(self.shape) for name in QUANTITIES}
        self.busy_s = np.zeros(len(accounts.keys))
        self.item_energy_j = np.zeros(meter.trace.num_items)

    def take(self, charge: Charge) -> None:
        place, weight = self.place[charge.accounts], self.repeats[charge.accounts]
        for phase in np.unique(charge.phase):
            mine = slice(None) if charge.phase.ndim == 0 else charge.phase == phase
            for name, matrix in self.columns.items():
                amount = getattr(charge, name)
                if amount is not None:
                    weights = amount[mine] * weight[mine]
                    matrix[:, phase] += np.bincount(place[mine], weights=weights, minlength=self.shape[0])
        self.busy_s += np.bincount(charge.accounts, weights=charge.time_s, minlength=len(self.busy_s))
        if len(charge.items):
            # A message between two devices is charged twice, but each charge names an item once.
            self.item_energy_j[charge.items] += charge.energy_j


def _links(meter: Meter, messages: Messages) -> dict[str, Floats]:
    """Seconds on air, joules of the network and bytes on the wire by link and direction."""
    table = messages.table
    count, kinds = table.hop_air_s.shape[:2]
    repeats = meter.trace.repeats[meter.trace["round"][messages.items]].astype(np.float64)
    cell = messages.pattern.astype(np.int64) * kinds + messages.kind
    times = np.bincount(cell, weights=repeats, minlength=count * kinds).reshape(count, kinds)
    return {
        "time_s": np.tensordot(times, table.hop_air_s, axes=2),
        "energy_j": np.tensordot(times, table.hop_energy_j, axes=2),
        "wire_bytes": np.tensordot(times, table.hop_wire_bytes, axes=2),
    }
