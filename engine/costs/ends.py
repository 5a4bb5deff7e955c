"""What one end of messages pays: for the transfer, for waiting in line, and for joining the network."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.accounts import Floats, Ints, Places
from engine.costs.charges import Charge, Messages, either, share_of


@dataclass(frozen=True)
class Extra:
    """Numbers of the phases into which a message goes beside its own."""

    connect: int
    queue: int
    relay: int


@dataclass(frozen=True)
class End:
    """Messages of which one end is a device.

    Attributes:
        messages: the prices.
        side: ``tx`` for the sending end, ``rx`` for the receiving one.
        items, accounts, kinds: (m,) of the messages; one number where all are the same kind.
        took_s: (m,) from start to end.
        phase, payload: (m,) or one number.
        idle_w, idle_recalled: (m,) or one number: power while waiting, and 1 where that is recalled.
        radio_w, radio_recalled: (m,) or one number: power of the silent radio, and 1 where that is recalled.
    """

    messages: Messages
    side: str
    items: Places
    accounts: Places
    kinds: NDArray[np.int32]
    took_s: Floats
    phase: Ints
    payload: Floats
    idle_w: Floats
    idle_recalled: Floats
    radio_w: Floats
    radio_recalled: Floats

    def price(self, quantity: str) -> Floats:
        """A quantity of the messages."""
        return self.messages.price(quantity, self.kinds)

    def charges(self, extra: Extra) -> Iterable[Charge]:
        """The transfer, and what there is of the other two."""
        connect_s = self.price("connect_s")
        time_s, late_s = waited(self.took_s - connect_s, self.price("fixed_s"))
        yield self._transfer(time_s)
        if late_s.any():
            yield self._queue(late_s, extra.queue)
        if connect_s.any():
            yield self._connect(connect_s, extra.connect)

    def _transfer(self, time_s: Floats) -> Charge:
        recalled_s = self.price("recalled_s")
        share = share_of(recalled_s, time_s)
        waiting_j = self.idle_w * time_s
        silent_j = self.radio_w * np.maximum(0.0, time_s - self.price(f"{self.side}_air_s"))
        return Charge(
            items=self.items,
            accounts=self.accounts,
            phase=self.phase,
            time_s=time_s,
            energy_j=waiting_j + self.price(f"{self.side}_j") + silent_j,
            recalled_time_s=recalled_s,
            recalled_energy_j=waiting_j * either(share, self.idle_recalled)
            + self.price(f"{self.side}_recalled_j")
            + silent_j * either(share, self.radio_recalled),
            bytes_up=self.payload if self.side == "tx" else None,
            bytes_down=self.payload if self.side == "rx" else None,
        )

    def _queue(self, late_s: Floats, phase: int) -> Charge:
        marked = self.price("queue_recalled")
        waiting_j, silent_j = self.idle_w * late_s, self.radio_w * late_s
        return Charge(
            items=self.items,
            accounts=self.accounts,
            phase=np.array(phase),
            time_s=late_s,
            energy_j=waiting_j + silent_j,
            recalled_time_s=marked * late_s,
            recalled_energy_j=waiting_j * either(marked, self.idle_recalled)
            + silent_j * either(marked, self.radio_recalled),
        )

    def _connect(self, connect_s: Floats, phase: int) -> Charge:
        marked_s = self.price("connect_recalled_s")
        waiting_j = self.idle_w * connect_s
        return Charge(
            items=self.items,
            accounts=self.accounts,
            phase=np.array(phase),
            time_s=connect_s,
            energy_j=waiting_j + self.price("connect_j"),
            recalled_time_s=marked_s,
            recalled_energy_j=waiting_j * either(share_of(marked_s, connect_s), self.idle_recalled)
            + self.price("connect_recalled_j"),
        )


def waited(spent_s: Floats, fixed_s: Floats) -> tuple[Floats, Floats]:
    """Seconds of a transfer without waiting in line, and those of waiting; sums of seconds are rounded."""
    noise = 1e-9 * spent_s
    late_s = spent_s - fixed_s
    if np.all(late_s <= noise):
        return (fixed_s if np.all(late_s >= -noise) else spent_s), np.zeros(())
    late_s[late_s <= noise] = 0.0
    return (fixed_s if np.all(spent_s + noise >= fixed_s) else spent_s - late_s), late_s
