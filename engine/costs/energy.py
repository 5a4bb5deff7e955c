"""Who pays what: seconds and joules of each device by phase, and what crossed each link.

A device is in the account of a round from the start of its first item to the end of its last. Every second of it
belongs to one phase: computing, a transfer, waiting in line for it (``queue``), joining the network (``connect``), or
``idle``. While it computes it draws its active power, else its idle power. The radio adds sending, receiving, joining,
and being connected: in silence for as long as its tail lasts, and once more after its last message (``tail``, which
ends after the round).
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.core.figure import Figure
from engine.costs.accounts import Accounts, Floats, Ints, Places, only, tight
from engine.costs.trace import SEND, Trace
from engine.costs.transfers import TransferTable
from engine.fleet.fleet import Fleet
from engine.network.network import Network


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


@dataclass(frozen=True)
class Radio:
    """What the radio of each link draws while connected and silent.

    Attributes:
        power_w: (L,) watts; 0 if unknown.
        tail_s: (L,) how long after a message; infinite if the link names no tail.
        after_s: (L,) how long after the last message; 0 if the link names no tail.
        recalled: (L,) 1 where a figure is recalled.
    """

    power_w: Floats
    tail_s: Floats
    after_s: Floats
    recalled: Floats

    @classmethod
    def of(cls, network: Network) -> "Radio":
        """The radios by link; ``Network.radio_of`` says which one a device has."""
        links = network.links
        tails = np.array([link.tail_time.value for link in links])
        return cls(
            power_w=np.array([_watts(link.connected_power) for link in links]),
            tail_s=np.where(tails > 0, tails, np.inf),
            after_s=tails,
            recalled=np.array([float(link.recalled("connected_power", "tail_time")) for link in links]),
        )


def _watts(figure: Figure | None) -> float:
    return 0.0 if figure is None else figure.value


def _share(part: Floats, whole: Floats) -> Floats:
    """The share of a part in its whole, 0 where the whole is 0."""
    if np.ndim(whole) == 0:
        return np.where(whole > 0, part / max(float(whole), 1e-300), 0.0)
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _waited(spent_s: Floats, fixed_s: Floats) -> tuple[Floats, Floats]:
    """Seconds of a transfer without waiting in line, and those of waiting; sums of seconds are rounded."""
    noise = 1e-9 * spent_s
    late_s = spent_s - fixed_s
    if np.all(late_s <= noise):
        return (fixed_s if np.all(late_s >= -noise) else spent_s), np.zeros(())
    late_s[late_s <= noise] = 0.0
    return (fixed_s if np.all(spent_s + noise >= fixed_s) else spent_s - late_s), late_s


def either(first: Floats, second: Floats) -> Floats:
    """The share of a product that rests on recalled figures, from the shares of its two factors."""
    return 1 - (1 - first) * (1 - second)


def windows(trace: Trace, accounts: Accounts, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """When each account begins and ends.

    Args:
        trace: the items.
        accounts: K accounts.
        start: (I,) start of each item.
        end: (I,) end of each item.

    Returns:
        (K,) start of each account's first item and end of its last.
    """
    first, last = np.full(len(accounts.keys), np.inf), np.zeros(len(accounts.keys))
    for block in blocks_of(trace):
        kind = only(trace["kind"][block])
        for name in ("source", "target"):
            mine = (trace[name][block] >= 0) & (kind <= SEND if name == "source" else kind == SEND)
            if mine.any():
                items: Places = block if mine.all() else block.start + np.flatnonzero(mine)
                place = tight(accounts.find(trace["round"][items], trace[name][items]))
                lower(first, place, start[items])
                lift(last, place, end[items])
    return first, last


MOST_BLOCKS = 64
"""Blocks of a trace that are looked at one after the other; where there are more, all items are looked at together."""


def blocks_of(trace: Trace) -> list[slice]:
    """Neighboring items of one round, kind and level, or all items where there are many such blocks."""
    code = trace["level"].astype(np.int32) * 3 + trace["kind"]
    borders = np.flatnonzero((code[1:] != code[:-1]) | (trace["round"][1:] != trace["round"][:-1])) + 1
    if len(borders) >= MOST_BLOCKS:
        return [slice(0, trace.num_items)]
    ends = [0, *borders.tolist(), trace.num_items]
    return [slice(a, b) for a, b in itertools.pairwise(ends) if b > a]


def lower(values: Floats, place: Places, to: Floats) -> None:
    """Lower values at places, which may occur more than once."""
    if isinstance(place, slice):
        np.minimum(values[place], to, out=values[place])
    else:
        np.minimum.at(values, place, to)


def lift(values: Floats, place: Places, to: Floats) -> None:
    """Raise values at places, which may occur more than once."""
    if isinstance(place, slice):
        np.maximum(values[place], to, out=values[place])
    else:
        np.maximum.at(values, place, to)


@dataclass(frozen=True)
class Extra:
    """Numbers of the phases into which a message goes beside its own."""

    connect: int
    queue: int
    relay: int


@dataclass(frozen=True)
class Meter:
    """Prices what happened, once it is known when.

    Attributes:
        trace, fleet, network: what happened, to whom.
        accounts: where it is booked.
        start, end: (I,) seconds from the start of the round.
    """

    trace: Trace
    fleet: Fleet
    network: Network
    accounts: Accounts
    start: Floats
    end: Floats

    @cached_property
    def radio(self) -> Radio:
        """The radios by link."""
        return Radio.of(self.network)

    def computations(self, items: Ints, recalled_s: Floats) -> Charge:
        """Computing at active power.

        Args:
            items: (m,) computations.
            recalled_s: (m,) the part of each computation's time that rests on recalled rates.
        """
        place = tight(items)
        device = self.trace["source"][place]
        group = only(self.fleet.group_of[device])
        time_s = self.end[place] - self.start[place]
        energy_j = self.fleet.active_power_w[group] * time_s
        share = _share(recalled_s, time_s)
        return Charge(
            items=place,
            accounts=tight(self.accounts.find(self.trace["round"][place], device)),
            phase=only(self.trace["phase"][place]).astype(np.int64),
            time_s=time_s,
            energy_j=energy_j,
            recalled_time_s=recalled_s,
            recalled_energy_j=energy_j * either(share, self.fleet.recalled("active_power_w")[group]),
        )

    def transfers(self, messages: Messages, extra: Extra) -> Iterable[Charge]:
        """Sending, receiving, waiting in line, joining and passing on, for each end of a message that is a device."""
        for end, side in (("source", "tx"), ("target", "rx")):
            mine = self.trace[end][messages.items] >= 0
            if messages.passes is not None and messages.passes[end].any():
                mine &= ~messages.passes[end]
                yield self._pass_on(messages, messages.passes[end], (end, side), extra.relay)
            if mine.any():
                yield from self._transfer(messages, mine, (end, side), extra)

    def _pass_on(self, messages: Messages, mine: NDArray[np.bool_], which: tuple[str, str], relay_phase: int) -> Charge:
        """A relay's time on air and its radio; whatever else it does meanwhile pays for the rest of the device."""
        end, side = which
        items, kinds = messages.items[mine], messages.kind[mine]
        time_s = messages.price(f"{side}_air_s", kinds)
        share = _share(messages.price("recalled_s", kinds), messages.price("fixed_s", kinds))
        return Charge(
            items=items,
            accounts=self.accounts.find(self.trace["round"][items], self.trace[end][items]),
            phase=np.array(relay_phase),
            time_s=time_s,
            energy_j=messages.price(f"{side}_j", kinds),
            recalled_time_s=share * time_s,
            recalled_energy_j=messages.price(f"{side}_recalled_j", kinds),
            is_beside=True,
        )

    def _transfer(
        self, messages: Messages, mine: NDArray[np.bool_], which: tuple[str, str], extra: Extra
    ) -> Iterable[Charge]:
        end, side = which
        every = bool(mine.all())
        items, kinds = (
            tight(messages.items if every else messages.items[mine]),
            only(messages.kind if every else messages.kind[mine]),
        )
        device = self.trace[end][items]
        group, link = only(self.fleet.group_of[device]), only(self.network.radio_of[device])
        accounts = tight(self.accounts.find(self.trace["round"][items], device))
        connect_s = messages.price("connect_s", kinds)
        spent_s = self.end[items] - self.start[items] - connect_s
        time_s, late_s = _waited(spent_s, messages.price("fixed_s", kinds))
        recalled_s = messages.price("recalled_s", kinds)
        idle_w, radio = self.fleet.idle_power_w[group], self.radio
        silent_j = radio.power_w[link] * np.maximum(0.0, time_s - messages.price(f"{side}_air_s", kinds))
        idle_recalled = self.fleet.recalled("idle_power_w")[group]
        share = _share(recalled_s, time_s)
        payload = only(self.trace["size"][items]).astype(np.float64)
        yield Charge(
            items=items,
            accounts=accounts,
            phase=only(self.trace["phase"][items]).astype(np.int64),
            time_s=time_s,
            energy_j=idle_w * time_s + messages.price(f"{side}_j", kinds) + silent_j,
            recalled_time_s=recalled_s,
            recalled_energy_j=idle_w * time_s * either(share, idle_recalled)
            + messages.price(f"{side}_recalled_j", kinds)
            + silent_j * either(share, radio.recalled[link]),
            bytes_up=payload if side == "tx" else None,
            bytes_down=payload if side == "rx" else None,
        )
        if late_s.any():
            marked = messages.price("queue_recalled", kinds)
            waiting_j, silent_j = idle_w * late_s, radio.power_w[link] * late_s
            yield Charge(
                items=items,
                accounts=accounts,
                phase=np.array(extra.queue),
                time_s=late_s,
                energy_j=waiting_j + silent_j,
                recalled_time_s=marked * late_s,
                recalled_energy_j=waiting_j * either(marked, idle_recalled)
                + silent_j * either(marked, radio.recalled[link]),
            )
        if connect_s.any():
            marked_s = messages.price("connect_recalled_s", kinds)
            waiting_j, joining_j = idle_w * connect_s, messages.price("connect_j", kinds)
            yield Charge(
                items=items,
                accounts=accounts,
                phase=np.array(extra.connect),
                time_s=connect_s,
                energy_j=waiting_j + joining_j,
                recalled_time_s=marked_s,
                recalled_energy_j=waiting_j * either(_share(marked_s, connect_s), idle_recalled)
                + messages.price("connect_recalled_j", kinds),
            )

    def waiting(self, part: slice, waits: tuple[Floats, Floats, Floats], phases: tuple[int, int]) -> Iterable[Charge]:
        """Idle time, the radio's connected silence between messages, and its tail after the last one.

        Args:
            part: which accounts.
            waits: for each, seconds that belong to no other phase, and what :meth:`silence` gives.
            phases: numbers of the phases idle and tail.
        """
        idle_s, silence_s, spoke = waits
        accounts = slice(part.start, part.start + len(idle_s))
        device = self.accounts.devices[part if self.accounts.is_single else self.accounts.place_of[part]]
        group, link = only(self.fleet.group_of[device]), only(self.network.radio_of[device])
        radio, idle_recalled = self.radio, self.fleet.recalled("idle_power_w")[group]
        idle_j, silent_j = self.fleet.idle_power_w[group] * idle_s, radio.power_w[link] * silence_s
        tail_s = radio.after_s[link] * spoke
        tail_j, marked = tail_s * radio.power_w[link], radio.recalled[link]
        yield Charge(
            items=None,
            accounts=accounts,
            phase=np.array(phases[0]),
            time_s=idle_s,
            energy_j=idle_j + silent_j,
            recalled_energy_j=idle_j * idle_recalled + silent_j * marked,
        )
        yield Charge(
            items=None,
            accounts=accounts,
            phase=np.array(phases[1]),
            time_s=tail_s,
            energy_j=tail_j,
            recalled_time_s=tail_s * marked,
            recalled_energy_j=tail_j * marked,
        )

    def silence(self, messages: Messages) -> tuple[Floats, Floats]:
        """(K,) seconds that the radio stays connected between messages, and 1 where there was a message at all."""
        count, tail_s = len(self.accounts.keys), self.radio.tail_s
        devices = self.accounts.devices if self.accounts.is_single else self.accounts.devices[self.accounts.place_of]
        tails = tail_s[only(self.network.radio_of[devices])]
        silence, last = np.zeros(count), np.full(count, -np.inf)
        levels = self.trace["level"][messages.items]
        for level in range(int(levels.min(initial=0)), int(levels.max(initial=-1)) + 1):
            items = messages.items[levels == level]
            begin, finish = np.full(count, np.inf), np.full(count, -np.inf)
            for end in ("source", "target"):
                mine = items[self.trace[end][items] >= 0]
                if len(mine):
                    self._spoken(tight(mine), end, begin, finish)
            pause = begin - last  # infinite before the first message, and where there is none
            silence += np.where(np.isfinite(pause), np.clip(pause, 0.0, tails), 0.0)
            np.maximum(last, finish, out=last)
        return silence, np.isfinite(last).astype(np.float64)

    def _spoken(self, items: Places, end: str, begin: Floats, finish: Floats) -> None:
        """Note when messages begin and end, by account of one of their ends."""
        place = tight(self.accounts.find(self.trace["round"][items], self.trace[end][items]))
        lower(begin, place, self.start[items])
        lift(finish, place, self.end[items])
