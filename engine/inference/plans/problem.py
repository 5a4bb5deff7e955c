"""What a placer must solve, and what a placement of all pieces comes to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from engine.core.errors import EngineError
from engine.inference.cuts.parts import Part
from engine.inference.cuts.pieces import SINK, SOURCE, Pieces
from engine.inference.plans.prices import Floats, Prices

Objective = Literal["latency", "throughput", "energy_per_node", "energy_total", "memory"]
"""What is to be least: time of one inference, time between two inferences of a stream, the most energy that one node
spends on an inference, that of all nodes, or the most memory that one node needs."""

TOLERANCE = 1e-9
"""Relative excess that rounding may cause."""


@dataclass(frozen=True)
class Constraints:
    """What a plan must keep to besides each node's memory.

    Attributes:
        deadline_s: the longest time of one inference.
        battery_share: share of its battery that a node may spend.
        num_requests: on so many inferences.
    """

    deadline_s: float = math.inf
    battery_share: float = 1.0
    num_requests: int = 1


@dataclass(frozen=True)
class Score:
    """What a placement comes to by the prices, which know no waiting for shared channels.

    Attributes:
        latency_s: time of one inference, the mean where some exit early; nodes compute one piece after the other, in
            order.
        period_s: time between two inferences of a stream: that of the busiest node or way between two nodes.
        energy_j: (N,) energy of each node for one inference, waiting not counted.
        memory_bytes: (N,) memory of each node: its weights, and the most activations alive at once.
    """

    latency_s: float
    period_s: float
    energy_j: Floats
    memory_bytes: Floats

    def value(self, objective: Objective) -> float:
        """What is to be least."""
        match objective:
            case "latency":
                return self.latency_s
            case "throughput":
                return self.period_s
            case "energy_per_node":
                return float(self.energy_j.max())
            case "energy_total":
                return float(self.energy_j.sum())
            case "memory":
                return float(self.memory_bytes.max())


@dataclass(frozen=True)
class PlacementProblem:
    """Pieces to be placed on nodes.

    Attributes:
        pieces: of one network.
        prices: what they cost on each node.
        objective: what is to be least.
        source: place among the nodes where inputs arise.
        sink: place among the nodes where the answer is wanted.
        cloud: place among the nodes of the cloud; None if there is none.
        constraints: besides memory.

    Raises:
        EngineError: an end is not among the nodes, or the prices are those of other pieces.
    """

    pieces: Pieces
    prices: Prices
    objective: Objective = "latency"
    source: int = 0
    sink: int = 0
    cloud: int | None = None
    constraints: Constraints = Constraints()

    def __post_init__(self) -> None:
        if any(not 0 <= node < self.prices.num_nodes for node in (self.source, self.sink, self.cloud or 0)):
            raise EngineError(f"source, sink and cloud must be among the {self.prices.num_nodes} nodes")
        if self.prices.compute_s.shape[0] != len(self.pieces.pieces):
            raise EngineError("the prices are those of other pieces")

    @property
    def num_pieces(self) -> int:
        """Number of pieces."""
        return len(self.pieces.pieces)

    @cached_property
    def energy_limit_j(self) -> Floats:
        """(N,) energy that each node may spend on one inference; infinite on mains."""
        rules = self.constraints
        return self.prices.battery_j * rules.battery_share / rules.num_requests

    def allowed(self, piece: int) -> tuple[int, ...]:
        """The nodes on which a piece may be: where it is pinned, or all that can do its work."""
        pinned = self.pieces.pieces[piece].pinned
        if pinned is not None:
            return (self.source if pinned == SOURCE else self.sink,)
        return tuple(np.flatnonzero(np.isfinite(self.prices.compute_s[piece])).tolist())

    def score(self, at: Sequence[int]) -> Score:
        """What a placement comes to.

        Args:
            at: node of each piece; of the first ones only, for what these alone come to.
        """
        return Score(*self._times(at), self._energy(at), self._memory(at))

    def ends_of(self, message: int, at: Sequence[int]) -> tuple[int, int] | None:
        """The nodes between which a message goes; None if its reader has no place yet."""
        source, target = self.pieces.ends[message]
        is_answer = target == self.num_pieces
        if max(source, target - is_answer) >= len(at):
            return None
        return (self.source if source < 0 else at[source]), (self.sink if is_answer else at[target])

    def carried(self, at: Sequence[int]) -> Pieces:
        """The pieces with messages as they arrive: what stays on a node is not rounded."""
        messages = []
        for number, message in enumerate(self.pieces.messages):
            ends = self.ends_of(number, at)
            messages.append(message if ends is not None and ends[0] != ends[1] else replace(message, bits=32))
        return replace(self.pieces, messages=tuple(messages))

    @cached_property
    def _by_target(self) -> list[list[int]]:
        """Messages by the place of their target, the sink last."""
        by_target: list[list[int]] = [[] for _ in range(self.num_pieces + 1)]
        for number, (_, target) in enumerate(self.pieces.ends):
            by_target[target].append(number)
        return by_target

    def _times(self, at: Sequence[int]) -> tuple[float, float]:
        prices = self.prices
        free, busy = [0.0] * prices.num_nodes, [0.0] * prices.num_nodes
        finish: list[float] = []
        for piece, node in enumerate(at):
            seconds = float(prices.compute_s[piece, node])
            free[node] = max(self._ready(piece, node, at, finish), free[node]) + seconds
            busy[node] += float(prices.stream_s[piece, node])
            finish.append(free[node])
        is_whole = len(at) == self.num_pieces
        latency = self._ready(self.num_pieces, self.sink, at, finish) if is_whole else max(finish)
        ways: dict[tuple[int, int], float] = {}
        travelling = self.travelling(at)
        if self.pieces.exit_rates:  # one after the other, and the mean of a sum is the sum of means
            sent = sum(float(prices.message_s[message, a, b]) for message, (a, b) in travelling.items())
            latency = float(prices.compute_s[np.arange(len(at)), list(at)].sum()) + sent
        for message, (source, target) in travelling.items():
            seconds = float(prices.occupied_s[message, source, target])
            ways[source, target] = ways.get((source, target), 0.0) + seconds
        return latency, max(*busy, *ways.values(), 0.0)

    def _ready(self, target: int, node: int, at: Sequence[int], finish: Sequence[float]) -> float:
        """When everything has arrived that a piece on a node, or the sink, reads."""
        ready = 0.0
        for message in self._by_target[target]:
            source = self.pieces.ends[message][0]
            start, origin = (0.0, self.source) if source < 0 else (finish[source], at[source])
            ready = max(ready, start + float(self.prices.message_s[message, origin, node]))
        return ready

    def travelling(self, at: Sequence[int]) -> dict[int, tuple[int, int]]:
        """The messages between different nodes, with these; what two pieces of a node read arrives there once."""
        seen: set[tuple[object, ...]] = set()
        found = {}
        for number, message in enumerate(self.pieces.messages):
            ends = self.ends_of(number, at)
            if ends is None or ends[0] == ends[1]:
                continue
            key = (message.part, message.source, ends[1])
            if key not in seen:
                seen.add(key)
                found[number] = ends
        return found

    def _energy(self, at: Sequence[int]) -> Floats:
        prices = self.prices
        energy = np.zeros(prices.num_nodes)
        np.add.at(energy, np.asarray(at, dtype=np.int64), prices.compute_j[np.arange(len(at)), list(at)])
        for message, (source, target) in self.travelling(at).items():
            energy[source] += prices.sender_j[message, source, target]
            energy[target] += prices.receiver_j[message, source, target]
        return energy

    def _memory(self, at: Sequence[int]) -> Floats:
        """Weights once, and the most that a piece works on beside what waits on its node for later ones."""
        weights: list[dict[str, int]] = [{} for _ in range(self.prices.num_nodes)]
        working = np.zeros(self.prices.num_nodes)
        held = self._held(at)
        for piece, node in enumerate(at):
            weights[node].update(self.pieces.pieces[piece].weights)
            working[node] = max(working[node], self.pieces.pieces[piece].working_bytes + held[piece])
        return np.array([sum(kept.values()) for kept in weights]) + working

    def _held(self, at: Sequence[int]) -> list[int]:
        """Bytes that lie on a piece's node while it computes, made before it and read after it."""
        last: dict[tuple[Part, int, int], tuple[int, int, int]] = {}
        readers: dict[tuple[Part, int, int], set[int]] = {}
        for number, message in enumerate(self.pieces.messages):
            source, target = self.pieces.ends[number]
            if message.target == SINK or target >= len(at):
                continue
            key = (message.part, source, at[target])
            last[key] = (source, target, message.num_bytes)
            readers.setdefault(key, set()).add(target)
        held = [0] * len(at)
        for key, (source, target, size) in last.items():
            for piece in range(max(source + 1, 0), target):
                if at[piece] == key[2] and piece not in readers[key]:
                    held[piece] += size
        return held

    def violations(self, score: Score) -> list[str]:
        """In what a placement breaks the constraints, one sentence each."""
        found = []
        prices, excess = self.prices, 1 + TOLERANCE
        for node in np.flatnonzero(score.memory_bytes > prices.memory_bytes * excess).tolist():
            needed, there = score.memory_bytes[node], prices.memory_bytes[node]
            found.append(f"device {prices.nodes[node]} needs {needed:,.0f} bytes of memory and has {there:,.0f}")
        if score.latency_s > self.constraints.deadline_s * excess:
            found.append(f"an inference takes {score.latency_s:.6g} s, allowed {self.constraints.deadline_s:.6g} s")
        for node in np.flatnonzero(score.energy_j > self.energy_limit_j * excess).tolist():
            spent, limit = score.energy_j[node], self.energy_limit_j[node]
            found.append(f"device {prices.nodes[node]} spends {spent:.6g} J on an inference, allowed {limit:.6g} J")
        if not math.isfinite(score.latency_s):
            found.append("a device has no speed for a piece that it is to compute")
        return found
