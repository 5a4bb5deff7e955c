"""Batteries: what a device has left, when it drops out, and when it comes back."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.core.component import Component
from engine.core.units import Fraction, Unit

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Battery(Component):
    """A store of energy in each device of a group, filled by what the device harvests.

    All energy of a device comes from it: computing, radio and waiting. An empty device drops out and comes back when
    enough was harvested. Learning then depends on energy, so that runs cannot be re-costed.
    """

    source: ClassVar[str] = "Energy conservation; harvest as a constant mean power"
    reads_costs: ClassVar[bool] = True

    capacity_j: Annotated[float, Field(gt=0, le=1e12), Unit("J")] = 36_000.0
    """Energy of a full battery; 36,000 J are 10 Wh, about one cell of type 18650."""

    initial_charge: Fraction = 1.0
    """Share of the capacity that is there when the run starts."""

    harvest_w: Annotated[float, Field(ge=0, le=1e6), Unit("W")] = 0.0
    """Mean power that fills it, from the sun for example."""

    restart_charge: Fraction = 0.1
    """Share of the capacity from which on a device that ran empty takes part again."""


@dataclass(frozen=True)
class Charges:
    """The batteries of a fleet of N devices; devices on mains have endless charge.

    Attributes:
        charge_j: (N,) energy that is left.
        is_empty: (N,) whether the device ran empty and has not come back.
    """

    charge_j: Floats
    is_empty: Bools


@dataclass(frozen=True)
class Batteries:
    """The batteries of a fleet as columns.

    Attributes:
        capacity_j: (N,) infinite where there is none.
        harvest_w: (N,) power that fills them.
        restart_j: (N,) energy from which on an empty device comes back.
        initial_j: (N,) energy at the start.
        idle_w: (N,) power of a device that waits.
    """

    capacity_j: Floats
    harvest_w: Floats
    restart_j: Floats
    initial_j: Floats
    idle_w: Floats

    @property
    def is_powered(self) -> Bools:
        """(N,) which devices have a battery at all."""
        return np.isfinite(self.capacity_j)

    def start(self) -> Charges:
        """The charges when the run starts; a device that has less than nothing in it starts empty."""
        return Charges(self.initial_j, self.is_powered & (self.initial_j <= 0))

    def after(self, charges: Charges, seconds: float, used_j: Floats, busy_s: Floats) -> tuple[Charges, Floats]:
        """The charges after some time.

        Args:
            charges: before.
            seconds: how long.
            used_j: (N,) energy for what the devices did.
            busy_s: (N,) time for which that includes waiting as well.

        Returns:
            The charges, and (N,) the energy that devices with a battery spent on waiting otherwise: no more than there
            was.
        """
        there = charges.charge_j + self.harvest_w * seconds - used_j
        waiting = np.where(self.is_powered, self.idle_w * np.maximum(0.0, seconds - busy_s), 0.0)
        standby = np.minimum(waiting, np.maximum(0.0, np.where(self.is_powered, there, 0.0)))
        left = np.clip(there - standby, 0.0, self.capacity_j)
        ran_empty = self.is_powered & (left <= 0)
        return Charges(left, ran_empty | (charges.is_empty & (left < self.restart_j))), standby


def batteries_of(groups: list[Battery | None], counts: NDArray[np.int64], idle_w: Floats) -> Batteries | None:
    """The batteries of a fleet; None if no group has any.

    Args:
        groups: (G,) the battery of each group.
        counts: (G,) devices of each group.
        idle_w: (G,) power of a waiting device of each group.
    """
    if not any(groups):
        return None

    def column(values: list[float]) -> Floats:
        return np.repeat(np.asarray(values, dtype=np.float64), counts)

    known = [(g.capacity_j, g.harvest_w, g.restart_charge, g.initial_charge) if g else None for g in groups]
    return Batteries(
        capacity_j=column([one[0] if one else np.inf for one in known]),
        harvest_w=column([one[1] if one else 0.0 for one in known]),
        restart_j=column([one[0] * one[2] if one else 0.0 for one in known]),
        initial_j=column([one[0] * one[3] if one else np.inf for one in known]),
        idle_w=column(idle_w.tolist()),
    )
