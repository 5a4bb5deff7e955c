"""The batteries of a fleet during a federated run: charges in the state, energy in the ledger."""

from dataclasses import dataclass, replace

import numpy as np

from engine.costs.ledger import QUANTITIES, TAIL, Ledger
from engine.federated.layout import BATTERY
from engine.fleet.battery import Batteries, Charges
from engine.task.contract import Context, State

STANDBY, DROPOUT = "standby", "dropout"
"""Phases of the ledger: energy that devices with a battery spend on waiting beside the rounds, and what those had left
that ran empty in the middle of a round."""


@dataclass(frozen=True)
class Power:
    """Batteries and their charges in a state.

    Attributes:
        batteries: their figures.
        charges: what is in them.
    """

    batteries: Batteries
    charges: Charges

    @classmethod
    def of(cls, context: Context, state: State) -> "Power | None":
        """The batteries of the fleet; None if it has none."""
        batteries = context.fleet.batteries
        if batteries is None:
            return None
        charge, empty = (state.tensors.get(f"{BATTERY}/{name}") for name in ("charge_j", "is_empty"))
        if charge is None or empty is None:
            return cls(batteries, batteries.start())
        return cls(batteries, Charges(charge, empty.astype(np.bool_)))

    def tensors(self) -> dict[str, np.ndarray]:
        """The charges as tensors of a state."""
        return {
            f"{BATTERY}/charge_j": self.charges.charge_j,
            f"{BATTERY}/is_empty": self.charges.is_empty.astype(np.uint8),
        }

    def metrics(self) -> dict[str, float]:
        """How many devices are empty, and how full the batteries are."""
        mine = self.batteries.is_powered
        share = self.charges.charge_j[mine] / self.batteries.capacity_j[mine]
        return {"empty_batteries": float(self.charges.is_empty.sum()), "mean_charge": float(share.mean())}

    def spend(self, context: Context, seconds: float, used: Ledger) -> tuple["Power", Ledger]:
        """Time passes.

        Args:
            context: the fleet.
            seconds: how long.
            used: what the devices did meanwhile.

        Returns:
            The batteries afterwards, and the ledger of waiting.
        """
        energy_j, busy_s = (np.zeros(context.fleet.num_devices) for _ in range(2))
        energy_j[used.devices] = used.values["energy_j"].sum(axis=1)
        inside = [place for place, phase in enumerate(used.phases) if phase != TAIL]
        busy_s[used.devices] = used.values["time_s"][:, inside].sum(axis=1)
        charges, standby = self.batteries.after(self.charges, seconds, energy_j, busy_s)
        return replace(self, charges=charges), battery_ledger(context, STANDBY, standby)


def battery_ledger(context: Context, phase: str, energy_j: np.ndarray) -> Ledger:
    """A ledger of nothing but energy that batteries gave.

    Args:
        context: the fleet.
        phase: the name under which it is booked.
        energy_j: (N,) joules of each device.
    """
    fleet = context.fleet
    devices = np.flatnonzero(energy_j > 0)
    groups = fleet.group_of[devices]
    values = {name: np.zeros((len(devices), 1)) for name in QUANTITIES}
    values["energy_j"][:, 0] = energy_j[devices]
    values["recalled_energy_j"][:, 0] = energy_j[devices] * fleet.recalled("idle_power_w")[groups]
    return replace(
        Ledger.empty(fleet.names), phases=(phase,), devices=devices, group_of=groups.astype(np.int32), values=values
    )
