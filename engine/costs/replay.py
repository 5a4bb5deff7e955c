"""A whole trace packet by packet: what happens when messages compete, connections stay warm and losses strike.

Rounds follow each other on one clock, each written round once. Messages of a round share their channels segment by
segment, data and acknowledgments alike; a kept connection brings its window and its round trip along.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.lanes import Lanes, Leg, legs_of
from engine.costs.packets import Chance, Clock, World
from engine.costs.trace import COMPUTE, NO_CAUSE, SEND, Trace
from engine.network.network import Network

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Script:
    """A trace as lists, for those who go through it item by item; made once for many replays.

    Attributes:
        network: links and patterns.
        kind, size, duration, round_of: of each item.
        legs: of each item; empty for what is no message.
        effects: what each item lets begin; for a barrier's members, the barrier.
        missing: by barrier, how many members it waits for.
        first: by round, the items that begin with it.
        pending: by round, how many items it has.
    """

    network: Network
    kind: list[int]
    size: list[int]
    duration: list[float]
    round_of: list[int]
    legs: list[Sequence[Leg]]
    effects: dict[int, list[int]]
    missing: dict[int, int]
    first: list[list[int]]
    pending: list[int]

    @classmethod
    def of(cls, trace: Trace, duration: Floats, network: Network) -> "Script":
        """The script of a trace whose computations take these times, (I,)."""
        items = np.flatnonzero(trace["kind"] == SEND)
        legs: list[Sequence[Leg]] = [()] * trace.num_items
        ends = np.stack([trace["source"][items], trace["target"][items]])
        found = legs_of(network, ends, trace["size"][items], trace["connects"][items] > 0)
        for item, route in zip(items.tolist(), found, strict=True):
            legs[item] = route
        effects, missing = causes_of(trace)
        first: list[list[int]] = [[] for _ in range(trace.num_rounds)]
        rounds = trace["round"].tolist()
        for item in np.flatnonzero(trace["cause"] == NO_CAUSE).tolist():
            if item not in missing:
                first[rounds[item]].append(item)
        return cls(
            network=network,
            kind=trace["kind"].tolist(),
            size=trace["size"].tolist(),
            duration=duration.tolist(),
            round_of=rounds,
            legs=legs,
            effects=effects,
            missing=missing,
            first=first,
            pending=np.bincount(trace["round"], minlength=trace.num_rounds).tolist(),
        )


def causes_of(trace: Trace) -> tuple[dict[int, list[int]], dict[int, int]]:
    """What each item lets begin, and for each barrier how many members it waits for."""
    effects: dict[int, list[int]] = {}
    for item, cause in enumerate(trace["cause"].tolist()):
        if cause != NO_CAUSE:
            effects.setdefault(cause, []).append(item)
    missing: dict[int, int] = {}
    for place, barrier in enumerate(trace.barriers.tolist()):
        members = trace.members[trace.barrier_starts[place] : trace.barrier_starts[place + 1]].tolist()
        missing[barrier] = len(members)
        for member in members:
            effects.setdefault(member, []).append(barrier)
    return effects, missing


class Replay:
    """One drawing of chance.

    Args:
        script: what happens.
        draw: the only source of chance.
    """

    def __init__(self, script: Script, draw: np.random.Generator) -> None:
        self.script = script
        self.clock = Clock()
        self.lanes = Lanes(World(self.clock, Chance(draw)), script.network)
        self.crossed: dict[tuple[int, int], float] = {}
        count = len(script.kind)
        self.start, self.end = [0.0] * count, [0.0] * count
        self.missing, self.pending = dict(script.missing), list(script.pending)
        self.round, self.begun = -1, 0.0

    def run(self) -> tuple[Floats, Floats]:
        """Start and end of each item, in seconds from the start of its round.

        Afterwards ``crossed`` tells when which item was through its n-th segment, and ``lanes`` what was occupied.
        """
        self._next_round()
        self.clock.run()
        return np.array(self.start), np.array(self.end)

    def _next_round(self) -> None:
        self.round += 1
        while self.round < len(self.pending) and not self.pending[self.round]:
            self.round += 1
        self.clock.is_over = self.round >= len(self.pending)
        if not self.clock.is_over:
            self.begun = self.clock.now
            for item in self.script.first[self.round]:
                self._begin(item)

    def _begin(self, item: int) -> None:
        now, script = self.clock.now, self.script
        self.start[item] = now - self.begun
        if script.kind[item] == SEND:
            self._cross(item, 0)
        else:
            wait = script.duration[item] if script.kind[item] == COMPUTE else 0.0
            self.clock.at(now + wait, self._finish, item)

    def _cross(self, item: int, place: int) -> None:
        """Send a message over one segment of its route."""
        leg = self.script.legs[item][place]
        if leg.opens_s is None:
            self._send(item, place)
        else:
            self.clock.at(self.clock.now + leg.opens_s, self._open, item, place)

    def _open(self, item: int, place: int) -> None:
        leg = self.script.legs[item][place]
        self.lanes.open(leg)
        self._send(item, place)

    def _send(self, item: int, place: int) -> None:
        leg = self.script.legs[item][place]
        talk = self.lanes.talk(leg)
        talk.send(self.script.size[item], lambda: self._crossed(item, place), backwards=leg.backwards)

    def _crossed(self, item: int, place: int) -> None:
        legs = self.script.legs[item]
        action, details = (self._finish, ()) if place + 1 == len(legs) else (self._cross, (place + 1,))
        moment = self.clock.now + legs[place].silence_s
        self.crossed[item, place] = moment - self.begun
        self.clock.at(moment, action, item, *details)

    def _finish(self, item: int) -> None:
        now = self.clock.now
        self.end[item] = now - self.begun
        for effect in self.script.effects.get(item, ()):
            if effect in self.missing:
                self.missing[effect] -= 1
                if self.missing[effect]:
                    continue
            self._begin(effect)
        self.pending[self.round] -= 1
        if not self.pending[self.round]:
            self._next_round()
