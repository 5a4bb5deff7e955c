"""What is booked to accounts, and the arithmetic of shares that rest on recalled figures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.accounts import Floats, Ints, Places
from engine.costs.transfers import TransferTable


@dataclass(frozen=True)
class Charge:
    """Amounts booked to accounts, each (m,) or one number.

    Attributes:
        items: (m,) items that cause them; None if none in particular does.
        accounts: (m,) places among the accounts.
        phase: (m,) or one number, without an axis: the phase.
        time_s, energy_j, recalled_time_s, recalled_energy_j, bytes_up, bytes_down: (m,) the amounts; None is nothing.
        is_beside: whether it happens while the device does something else, which then is what its time is spent on.
    """

    items: Places | None
    accounts: Places
    phase: Ints
    time_s: Floats
    energy_j: Floats
    recalled_time_s: Floats | None = None
    recalled_energy_j: Floats | None = None
    bytes_up: Floats | None = None
    bytes_down: Floats | None = None
    is_beside: bool = False


@dataclass(frozen=True)
class Messages:
    """The messages of a trace and the table that prices them.

    Attributes:
        items: (M,) their item ids.
        kind: (M,) their kind in the table.
        table: prices by kind.
        passes: for ``source`` and ``target``, (M,) whether that end is a device that only passes the message on; None
            where nobody does.
    """

    items: Ints
    kind: NDArray[np.int32]
    table: TransferTable
    passes: Mapping[str, NDArray[np.bool_]] | None = None

    def part(self, part: slice) -> "Messages":
        """Some of them."""
        passes = None if self.passes is None else {end: mask[part] for end, mask in self.passes.items()}
        return Messages(self.items[part], self.kind[part], self.table, passes)

    def price(self, quantity: str, kinds: NDArray[np.int32]) -> Floats:
        """That quantity for messages of these kinds, or of the only kind."""
        return np.asarray(self.table.message[quantity].take(kinds))


def share_of(part: Floats, whole: Floats) -> Floats:
    """The share of a part in its whole, 0 where the whole is 0."""
    if np.ndim(whole) == 0:
        return np.where(whole > 0, part / max(float(whole), 1e-300), 0.0)
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def either(first: Floats, second: Floats) -> Floats:
    """The share of a product that rests on recalled figures, from the shares of its two factors."""
    return 1 - (1 - first) * (1 - second)
