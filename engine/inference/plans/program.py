"""The integer program of a placement, for the solver HiGHS."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from engine.inference.plans.likeness import choices
from engine.inference.plans.problem import PlacementProblem

Row = Mapping[int, float]
"""Coefficients by number of the variable."""


CUT_OFF = 1e-5
"""Share by which a placement may be worse than one that is known: room for the solver's tolerances."""

ROOT = 20
"""Nodes that cost as much as the first one of a program, with its cuts and heuristics."""

INFEASIBLE = 2
"""The solver's word for it."""

MOST_PROGRAMS = 100
"""How often the program is solved again without a solution that breaks a rule which is not in it."""


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    Attributes:
        at: node of each piece; None if it found none that keeps to all rules.
        bound: no placement has a lesser objective.
        is_finished: whether it was found to be within the gap, rather than the best when the nodes ran out.
        num_nodes: of the search tree that were looked at.
    """

    at: tuple[int, ...] | None
    bound: float
    is_finished: bool
    num_nodes: int


def ends_of(
    problem: PlacementProblem, choices: Sequence[Sequence[int]], number: int
) -> tuple[Sequence[int], Sequence[int]]:
    """The nodes at which a message may start, and those at which it may end."""
    source, target = problem.pieces.ends[number]
    starts = [problem.source] if source < 0 else choices[source]
    return starts, [problem.sink] if target == problem.num_pieces else choices[target]


def num_variables(problem: PlacementProblem) -> int:
    """About how many numbers the program of a problem has: places of pieces, and ways of messages."""
    may = choices(problem)
    ways = (ends_of(problem, may, number) for number in range(len(problem.pieces.messages)))
    return sum(map(len, may)) + sum(len(left) * len(reached) for left, reached in ways)


class Program:
    """Minimize the objective over x[p, n] = 1 where piece p is on node n.

    A message has the share y[m, a, b] of a flow from node a to node b, with sum over b = x[source, a] and sum over a
    = x[target, b]; what several pieces read counts once per node, w >= y of each of them. Of placements that differ
    only in the names of nodes that are alike, one is in the program.

    Args:
        problem: what to place.
        unit: about the least value of the objective, above 0: seconds of a millionth and bytes of a million are counted
            in it, since the tolerances of the solver, also for the gap, are absolute.
        most: a value that can be had; infinite if none is known.
    """

    def __init__(self, problem: PlacementProblem, unit: float = 1.0, most: float = math.inf) -> None:
        self._problem, self._nodes, self._unit = problem, problem.prices.num_nodes, unit
        self._most = most * (1 + CUT_OFF)
        self._choices = choices(problem)
        self._upper: list[float] = []
        self._whole: list[int] = []
        self._rows: list[tuple[Row, float, float]] = []
        self._target: dict[int, float] = {}
        self._x = np.array([[self._new(1, whole=1) for _ in range(self._nodes)] for _ in problem.pieces.pieces])
        self._y: dict[tuple[int, int, int], int] = {}
        self._flows: list[tuple[int, int, int, int]] = []
        self._place()
        self._carry()
        self._limit()
        self._aim()

    def solve(self, most_nodes: int, gap: float) -> Solution | None:
        """What is found; None if no placement is as good as the value that can be had.

        No clock has a say, and the solver is the same with any number of threads, so that it is the same everywhere.

        Args:
            most_nodes: of the search tree, of all programs together that are solved.
            gap: relative distance from the bound at which a solution is good enough.
        """
        left, spent, bound = most_nodes, 0, -math.inf
        for _ in range(MOST_PROGRAMS):
            found = self._solved(left, gap)
            if found is None:
                return None
            spent, bound = spent + found.num_nodes, found.bound
            apart = [] if found.at is None else self._breaking(found.at)
            if not apart:
                return replace(found, num_nodes=spent)
            left -= max(found.num_nodes, ROOT)
            if left <= 0:
                break
            for together in apart:
                self._row(dict.fromkeys(together, 1.0), -math.inf, len(together) - 1)
        return Solution(None, bound, is_finished=False, num_nodes=spent)

    def _breaking(self, at: tuple[int, ...]) -> list[list[int]]:
        """Variables that must not all be 1: what waits in memory, or for a node, is not in the program."""
        score = self._problem.score(at)
        over = np.flatnonzero(score.memory_bytes > self._problem.prices.memory_bytes).tolist()
        if over:
            return [[self._x[p, n] for p, n in enumerate(at) if n == node] for node in over]
        late = score.latency_s > self._problem.constraints.deadline_s
        return [[self._x[p, n] for p, n in enumerate(at)]] if late else []

    def _new(self, high: float, *, whole: int = 0) -> int:
        """A further variable, from 0 up."""
        self._upper.append(high)
        self._whole.append(whole)
        return len(self._upper) - 1

    def _row(self, row: Row, low: float, high: float) -> None:
        self._rows.append((row, low, high))

    def _place(self) -> None:
        """Each piece is on one of the nodes that it may be on."""
        for piece in range(self._problem.num_pieces):
            allowed = self._choices[piece]
            self._row({self._x[piece, node]: 1.0 for node in allowed}, 1, 1)
            for node in set(range(self._nodes)) - set(allowed):
                self._upper[self._x[piece, node]] = 0

    def _carry(self) -> None:
        """The ways of messages follow their ends; what source or sink has is where these are."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for number, message in enumerate(self._problem.pieces.messages):
            groups.setdefault((message.part, message.source), []).append(number)
            source, target = self._problem.pieces.ends[number]
            left, reached = ends_of(self._problem, self._choices, number)
            for a, b in product(left, reached):
                self._y[number, a, b] = self._new(1)
            for a in left:
                self._follow({self._y[number, a, b]: 1.0 for b in reached}, source, a)
            for b in reached:
                self._follow({self._y[number, a, b]: 1.0 for a in left}, target, b)
        for members in groups.values():
            for a, b in dict.fromkeys((a, b) for number, a, b in self._ways_of(members)):
                self._flows.append((members[0], a, b, self._shared(members, a, b)))

    def _ways_of(self, members: list[int]) -> Iterator[tuple[int, int, int]]:
        """Number and nodes of each way between two nodes that one of some messages may take."""
        for number in members:
            left, reached = ends_of(self._problem, self._choices, number)
            yield from ((number, a, b) for a, b in product(left, reached) if a != b)

    def _follow(self, flow: dict[int, float], piece: int, node: int) -> None:
        """All of a message starts, or ends, where the piece is."""
        if 0 <= piece < self._problem.num_pieces:
            self._row({**flow, self._x[piece, node]: -1.0}, 0, 0)
        else:
            self._row(flow, 1, 1)

    def _shared(self, members: list[int], a: int, b: int) -> int:
        members = [member for member in members if (member, a, b) in self._y]
        if len(members) == 1:
            return self._y[members[0], a, b]
        once = self._new(1)
        for member in members:
            self._row({once: 1.0, self._y[member, a, b]: -1.0}, 0, math.inf)
        return once

    def _limit(self) -> None:
        """Memory and energy of each node, and the end of each piece."""
        problem, prices = self._problem, self._problem.prices
        self._memory = [self._memory_of(node) for node in range(self._nodes)]
        self._energy = [self._energy_of(node) for node in range(self._nodes)]
        for node in range(self._nodes):
            self._row(self._memory[node], -math.inf, float(prices.memory_bytes[node]))
            if math.isfinite(problem.energy_limit_j[node]):
                self._row(self._energy[node], -math.inf, float(problem.energy_limit_j[node]))
        self._ends = [self._new(math.inf) for _ in range(problem.num_pieces + 1)]
        for number, (source, target) in enumerate(problem.pieces.ends):
            row = {self._ends[target]: self._unit}
            if source >= 0:
                row[self._ends[source]] = -self._unit
            for a, b in product(*ends_of(problem, self._choices, number)):
                row[self._y[number, a, b]] = -float(prices.message_s[number, a, b])
            if target < problem.num_pieces:
                row |= {self._x[target, node]: -float(prices.compute_s[target, node]) for node in self._choices[target]}
            self._row(row, 0, math.inf)
        self._upper[self._ends[-1]] = problem.constraints.deadline_s / self._unit

    def _memory_of(self, node: int) -> dict[int, float]:
        """Weights, equal ones once, and the most that a piece works on."""
        working = self._new(math.inf)
        row, holders = {working: 1.0}, dict[tuple[str, int], list[int]]()
        for number, piece in enumerate(self._problem.pieces.pieces):
            self._row({working: 1.0, self._x[number, node]: -float(piece.working_bytes)}, 0, math.inf)
            for weight in piece.weights:
                holders.setdefault(weight, []).append(self._x[number, node])
        for (_, size), members in holders.items():
            kept = members[0] if len(members) == 1 else self._new(1)
            for member in members if len(members) > 1 else ():
                self._row({kept: 1.0, member: -1.0}, 0, math.inf)
            row[kept] = row.get(kept, 0.0) + float(size)
        return row

    def _energy_of(self, node: int) -> dict[int, float]:
        prices = self._problem.prices
        row: dict[int, float] = {
            self._x[piece, node]: float(prices.compute_j[piece, node]) for piece in range(self._problem.num_pieces)
        }
        for number, a, b, flow in self._flows:
            if node in (a, b):
                joules = prices.sender_j if node == a else prices.receiver_j
                row[flow] = row.get(flow, 0.0) + float(joules[number, a, b])
        return row

    def _aim(self) -> None:
        """The objective; a maximum is a variable above each of its terms."""
        match self._problem.objective:
            case "latency":
                self._target = {self._ends[-1]: self._unit}
                self._upper[self._ends[-1]] = min(self._upper[self._ends[-1]], self._most / self._unit)
            case "throughput":
                self._least_above(self._busy())
            case "energy_per_node":
                self._least_above(self._energy)
            case "energy_total":
                for row in self._energy:
                    for variable, joules in row.items():
                        self._target[variable] = self._target.get(variable, 0.0) + joules
                self._row(self._target, -math.inf, self._most)
            case "memory":
                self._least_above(self._memory)

    def _busy(self) -> list[Row]:
        prices = self._problem.prices
        rows: list[Row] = []
        for node in range(self._nodes):
            able = [p for p in range(self._problem.num_pieces) if node in self._choices[p]]
            rows.append({self._x[p, node]: float(prices.stream_s[p, node]) for p in able})
        ways: dict[tuple[int, int], dict[int, float]] = {}
        for number, a, b, flow in self._flows:
            ways.setdefault((a, b), {})[flow] = float(prices.occupied_s[number, a, b])
        return [*rows, *ways.values()]

    def _least_above(self, rows: Iterable[Row]) -> None:
        most = self._new(self._most / self._unit)
        for row in rows:
            self._row({**{variable: -value for variable, value in row.items()}, most: self._unit}, 0, math.inf)
        self._target = {most: self._unit}

    def _solved(self, most_nodes: int, gap: float) -> Solution | None:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_matrix

        count = len(self._upper)
        places = [(i, variable, value) for i, (row, _, _) in enumerate(self._rows) for variable, value in row.items()]
        rows, columns, values = zip(*places, strict=True)
        matrix = csr_matrix((values, (rows, columns)), shape=(len(self._rows), count))
        target = np.zeros(count)
        target[list(self._target)] = list(self._target.values())
        size = np.maximum(1e-300, abs(matrix).max(axis=1).toarray().ravel())
        low, high = (np.array([row[side] for row in self._rows]) / size for side in (1, 2))
        found = milp(
            target / self._unit,
            integrality=np.array(self._whole),
            bounds=Bounds(0, np.array(self._upper)),
            constraints=LinearConstraint(csr_matrix(matrix.multiply(1 / size[:, None])), low, high),
            options={"node_limit": most_nodes, "mip_rel_gap": gap},
        )
        if found.mip_dual_bound is None or (found.x is None and found.status == INFEASIBLE):
            return None
        at = None if found.x is None else tuple(np.argmax(found.x[self._x], axis=1).tolist())
        bound, nodes = float(found.mip_dual_bound) * self._unit, max(1, int(found.mip_node_count))
        return Solution(at, bound, found.status == 0, nodes)
