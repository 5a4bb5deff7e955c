"""Who pays what: seconds and joules of each device by phase, and what crossed each link.

A device is in the account of a round from the start of its first item to the end of its last. Every second of it
belongs to one phase: computing, a transfer, waiting in line for it (``queue``), joining the network (``connect``), or
``idle``. While it computes it draws its active power, else its idle power. The radio adds sending, receiving, joining,
and being connected: in silence for as long as its tail lasts, and once more after its last message (``tail``, which
ends after the round).
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.core.figure import Figure
from engine.costs.accounts import Accounts, Floats, Ints, Places, only, tight
from engine.costs.charges import Charge, Messages, either, share_of
from engine.costs.ends import End, Extra
from engine.costs.trace import SEND, Trace
from engine.fleet.fleet import Fleet
from engine.network.network import Network


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
        share = share_of(recalled_s, time_s)
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
                yield from self._end(messages, mine, (end, side)).charges(extra)

    def _pass_on(self, messages: Messages, mine: NDArray[np.bool_], which: tuple[str, str], relay_phase: int) -> Charge:
        """A relay's time on air and its radio; whatever else it does meanwhile pays for the rest of the device."""
        end, side = which
        items, kinds = messages.items[mine], messages.kind[mine]
        time_s = messages.price(f"{side}_air_s", kinds)
        share = share_of(messages.price("recalled_s", kinds), messages.price("fixed_s", kinds))
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

    def _end(self, messages: Messages, mine: NDArray[np.bool_], which: tuple[str, str]) -> End:
        """One end of those messages where it is a device."""
        end, side = which
        every = bool(mine.all())
        items = tight(messages.items if every else messages.items[mine])
        device = self.trace[end][items]
        group, link = only(self.fleet.group_of[device]), only(self.network.radio_of[device])
        return End(
            messages=messages,
            side=side,
            items=items,
            accounts=tight(self.accounts.find(self.trace["round"][items], device)),
            kinds=only(messages.kind if every else messages.kind[mine]),
            took_s=self.end[items] - self.start[items],
            phase=only(self.trace["phase"][items]).astype(np.int64),
            payload=only(self.trace["size"][items]).astype(np.float64),
            idle_w=self.fleet.idle_power_w[group],
            idle_recalled=self.fleet.recalled("idle_power_w")[group],
            radio_w=self.radio.power_w[link],
            radio_recalled=self.radio.recalled[link],
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
