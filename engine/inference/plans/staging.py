"""Dynamic programs that divide a chain of pieces into stages, each on a device of its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from engine.inference.plans.prices import Floats
from engine.inference.plans.problem import TOLERANCE, PlacementProblem


@dataclass(frozen=True)
class Stages:
    """The prices of all stages that a chain of P pieces can be divided into, on N devices.

    Attributes:
        stage: (N, P + 1, P + 1) price of the pieces from the first number to before the second on a device; infinite
            where the stage is empty, does not fit into the device's memory or is not allowed there.
        way: (P + 1, N, N) price of what crosses the cut before each piece, and of the answer.
        is_sum: whether prices add up along the chain (latency), or the largest counts (throughput).
        source: the device of the inputs.
        sink: the device of the answer.
    """

    stage: Floats
    way: Floats
    is_sum: bool
    source: int
    sink: int

    @classmethod
    def of(cls, problem: PlacementProblem, *, is_sum: bool) -> "Stages":
        """All stages of a problem, in seconds of latency, or for which device or way are busy."""
        prices, count = problem.prices, problem.num_pieces
        ways = np.zeros((count + 1, prices.num_nodes, prices.num_nodes))
        spent = np.zeros((count + 1, prices.num_nodes, prices.num_nodes, 2))
        for number, (_, target) in enumerate(problem.pieces.ends):
            if is_sum:  # what crosses a cut together travels at the same time
                ways[target] = np.maximum(ways[target], prices.message_s[number])
            else:
                ways[target] += prices.occupied_s[number]
            spent[target, :, :, 0] += prices.sender_j[number]
            spent[target, :, :, 1] += prices.receiver_j[number]
        stage = np.full((prices.num_nodes, count + 1, count + 1), np.inf)
        for node in range(prices.num_nodes):
            each = prices.compute_s if is_sum else prices.stream_s
            seconds = _sums(_allowed(problem, node, each[:, node]))
            # What the device sends and receives is not known before its neighbors are: the dearest is assumed.
            radio = spent[:, :, node, 1].max(axis=1)[:, None] + spent[:, node, :, 0].max(axis=1)[None, :]
            joules = _sums(prices.compute_j[:, node]) + radio
            limit = problem.energy_limit_j[node] * (1 + TOLERANCE)
            fits = _memory(problem) <= prices.memory_bytes[node] * (1 + TOLERANCE)
            stage[node] = np.where(fits & (joules <= limit), seconds, np.inf)
        stage[:, np.tri(count + 1, dtype=bool)] = np.inf
        return cls(stage, ways, is_sum, problem.source, problem.sink)

    def capped(self, problem: PlacementProblem, most_s: float) -> "Stages":
        """The same without stages and ways that are busy for longer."""
        busy = Stages.of(problem, is_sum=False)
        return replace(
            self,
            stage=np.where(busy.stage <= most_s, self.stage, np.inf),
            way=np.where(busy.way <= most_s, self.way, np.inf),
        )

    def both(self, one: Floats, other: Floats) -> Floats:
        """The price of two things one after the other."""
        return one + other if self.is_sum else np.maximum(one, other)

    @property
    def num_pieces(self) -> int:
        """Number of pieces."""
        return len(self.way) - 1


def _allowed(problem: PlacementProblem, node: int, seconds: Floats) -> Floats:
    allowed = [node in problem.allowed(piece) for piece in range(problem.num_pieces)]
    return np.where(allowed, seconds, np.inf)


def _sums(values: Floats) -> Floats:
    """(P + 1, P + 1) sums from each number to before each other one; rows over which infinity lies are infinite."""
    finite = np.where(np.isfinite(values), values, 0.0)
    total = np.concatenate([[0.0], np.cumsum(finite)])
    unable = np.concatenate([[0], np.cumsum(~np.isfinite(values))])
    return np.where(unable[None, :] > unable[:, None], np.inf, total[None, :] - total[:, None])


def _memory(problem: PlacementProblem) -> Floats:
    """(P + 1, P + 1) weights of a stage and the most that one of its pieces works on."""
    pieces = problem.pieces.pieces
    weights = _sums(np.array([piece.parameter_bytes for piece in pieces], dtype=np.float64))
    working = np.zeros_like(weights)
    for start in range(len(pieces)):
        working[start, start + 1 :] = np.maximum.accumulate([piece.working_bytes for piece in pieces[start:]])
    return weights + working


Found = tuple[float, tuple[int, ...]]
"""The least price, and the node of each piece."""

NOTHING: Found = (math.inf, ())


def in_order(stages: Stages, order: Sequence[int]) -> Found:
    """The best division over devices in a given order, some of which may get nothing.

    ``least[k][i]`` is the least price of the first i pieces with the last of them on the k-th device:
    min over j < i and k' < k of least[k'][j] + way[j] + stage[j, i] (maxima for throughput), in O(N P (N + P)).

    Args:
        stages: their prices.
        order: places of the devices.
    """
    count = stages.num_pieces
    least = np.full((len(order), count + 1), np.inf)
    came: list[tuple[np.ndarray, np.ndarray]] = []
    for k, node in enumerate(order):
        arrive, before = _arrivals(stages, node, [(order[i], least[i]) for i in range(k)])
        every = stages.both(arrive[:, None], stages.stage[node])
        start = np.argmin(every, axis=0)
        least[k] = every[start, np.arange(count + 1)]
        came.append((start, before))
    answers = stages.both(least[:, count], stages.way[count, list(order), stages.sink])
    k, value = int(np.argmin(answers)), float(answers.min())
    if not math.isfinite(value):
        return NOTHING
    at, stop = [0] * count, count
    while stop > 0:
        start = int(came[k][0][stop])
        at[start:stop] = [order[k]] * (stop - start)
        stop, k = start, int(came[k][1][start])
    return value, tuple(at)


def _arrivals(stages: Stages, node: int, before: Sequence[tuple[int, Floats]]) -> tuple[Floats, np.ndarray]:
    """(P + 1,) the least price at which the first j pieces are done and their result is at a node, and by which of
    those before it; -1 for the source.
    """
    arrive = np.full(stages.num_pieces + 1, np.inf)
    arrive[0] = stages.way[0, stages.source, node]
    origin = np.full(stages.num_pieces + 1, -1)
    if before:
        prices = np.stack([stages.both(least, stages.way[:, other, node]) for other, least in before])
        best = np.argmin(prices, axis=0)
        found = prices[best, np.arange(len(arrive))]
        is_better = found < arrive
        arrive, origin = np.where(is_better, found, arrive), np.where(is_better, best, origin)
    return arrive, origin


def in_any_order(stages: Stages, nodes: Sequence[int]) -> Found:
    """The best division over some devices in the best order, exactly: over all sets of them, in O(2^N N P (N + P)).

    Args:
        stages: their prices.
        nodes: places of the devices; some may get nothing.
    """
    count = stages.num_pieces
    least: dict[tuple[int, int], Floats] = {}
    came: dict[tuple[int, int], tuple[np.ndarray, np.ndarray, list[int]]] = {}
    best: tuple[float, tuple[int, int]] = (math.inf, (0, 0))
    for used in range(1, 1 << len(nodes)):
        members = [i for i in range(len(nodes)) if used >> i & 1]
        for last in members:
            rest, others = used & ~(1 << last), [other for other in members if other != last]
            before = [(nodes[other], least[rest, other]) for other in others]
            arrive, origin = _arrivals(stages, nodes[last], before)
            if others:
                arrive[0] = math.inf  # the set without others has that one
            every = stages.both(arrive[:, None], stages.stage[nodes[last]])
            start = np.argmin(every, axis=0)
            least[used, last] = every[start, np.arange(count + 1)]
            came[used, last] = start, origin, others
            answer = stages.way[count, nodes[last], stages.sink]
            best = min(best, (float(stages.both(least[used, last][count], answer)), (used, last)))
    value, (used, last) = best
    if not math.isfinite(value):
        return NOTHING
    at, stop = [0] * count, count
    while stop > 0:
        starts, origin, others = came[used, last]
        start = int(starts[stop])
        at[start:stop] = [nodes[last]] * (stop - start)
        used, stop = used & ~(1 << last), start
        last = others[int(origin[start])] if start else last
    return value, tuple(at)


def lower_bound(stages: Stages, problem: PlacementProblem) -> float:
    """A value that no division has less of, whatever the order: devices may come again, and memory counts per piece.

    For throughput also the least time in which the devices can share all work, if pieces could be divided at will and
    only all weights together had to fit.
    """
    reached = stages.way[0, stages.source]
    for piece in range(stages.num_pieces):
        done = stages.both(reached, stages.stage[:, piece, piece + 1])
        reached = stages.both(done[:, None], stages.way[piece + 1]).min(axis=0)
    chain = float(reached[stages.sink])
    return chain if stages.is_sum else max(chain, _shared_evenly(problem))


def _shared_evenly(problem: PlacementProblem) -> float:
    """The least time of the busiest device if each piece could be divided over all: a linear program.

    Its rows: no device is busy for longer; the weights on each are within its memory; each piece is there as a whole.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix

    seconds, memory = problem.prices.stream_s, problem.prices.memory_bytes
    pieces, nodes = np.nonzero(np.isfinite(seconds))
    each, count = np.arange(len(pieces)), problem.prices.num_nodes
    largest = float(seconds[pieces, nodes].max(initial=0.0)) or 1.0
    weights = np.array([piece.parameter_bytes for piece in problem.pieces.pieces], dtype=np.float64)[pieces]
    limited = np.isfinite(memory)[nodes]
    values = [seconds[pieces, nodes] / largest, -np.ones(count), (weights / memory[nodes])[limited]]
    rows = [nodes, np.arange(count), count + nodes[limited]]
    columns = [each, np.full(count, len(pieces)), each[limited]]
    limits = coo_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(2 * count, len(pieces) + 1)
    )
    placed = coo_matrix((np.ones(len(pieces)), (pieces, each)), shape=(len(seconds), len(pieces) + 1))
    target = np.zeros(len(pieces) + 1)
    target[-1] = 1.0
    most = np.repeat([0.0, 1.0], count)
    found = linprog(target, A_ub=limits, b_ub=most, A_eq=placed, b_eq=np.ones(len(seconds)))
    return float(found.fun) * largest if found.success else 0.0


def orders_near(order: Sequence[int]) -> list[tuple[int, ...]]:
    """All orders in which one device has gone to another place."""
    found: list[tuple[int, ...]] = []
    for place, node in enumerate(order):
        rest = [*order[:place], *order[place + 1 :]]
        found.extend((*rest[:to], node, *rest[to:]) for to in range(len(order)) if to != place)
    return found


def num_stages(at: Sequence[int]) -> int:
    """Into how many stages a chain is divided."""
    return 1 + sum(one != other for one, other in pairwise(at))
