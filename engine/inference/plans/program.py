"""The integer program of a placement, for the solver HiGHS."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from engine.inference.plans.problem import PlacementProblem

Row = Mapping[int, float]
"""Coefficients by number of the variable."""


MOST_PROGRAMS = 100
"""How often the program is solved again without a solution that breaks a rule which is not in it."""


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    Attributes:
        at: node of each piece.
        bound: no placement by the program has a lesser objective.
        is_finished: whether it was found to be within the gap, rather than the best when the nodes ran out.
        num_nodes: of the search tree that were looked at.
    """

    at: tuple[int, ...]
    bound: float
    is_finished: bool
    num_nodes: int


def num_variables(problem: PlacementProblem) -> int:
    """About how many numbers the program of a problem has: places of pieces, and ways of messages."""
    nodes = problem.prices.num_nodes
    return problem.num_pieces * nodes + len(problem.pieces.messages) * nodes**2


class Program:
    """Minimize the objective over x[p, n] = 1 where piece p is on node n.

    A message has the share y[m, a, b] of a flow from node a to node b, with sum over b = x[source, a] and sum over a
    = x[target, b]; what several pieces read counts once per node, w >= y of each of them.

    Args:
        problem: what to place.
    """

    def __init__(self, problem: PlacementProblem) -> None:
        self._problem, self._nodes = problem, problem.prices.num_nodes
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
        """The solution; None if there is none, or none was found within the nodes.

        No clock has a say, and the solver is the same with any number of threads, so that it is the same everywhere.

        Args:
            most_nodes: of the search tree, of all programs together that are solved.
            gap: relative distance from the bound at which a solution is good enough.
        """
        left = most_nodes
        for _ in range(MOST_PROGRAMS):
            found = self._solved(left, gap)
            if found is None:
                return None
            at = found.at
            score = self._problem.score(at)
            over = np.flatnonzero(score.memory_bytes > self._problem.prices.memory_bytes)
            late = score.latency_s > self._problem.constraints.deadline_s
            if not len(over) and not late:
                return found
            left -= found.num_nodes
            if left <= 0:
                return None
            # What waits in memory, or for a node, is not in the program: exclude what does not go together.
            together = [[self._x[p, n] for p, n in enumerate(at) if n == node] for node in over.tolist()]
            for mine in together or [[self._x[p, n] for p, n in enumerate(at)]]:
                self._row(dict.fromkeys(mine, 1.0), -math.inf, len(mine) - 1)
        return None

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
            allowed = self._problem.allowed(piece)
            self._row({self._x[piece, node]: 1.0 for node in allowed}, 1, 1)
            for node in set(range(self._nodes)) - set(allowed):
                self._upper[self._x[piece, node]] = 0

    def _carry(self) -> None:
        """The ways of messages follow their ends; what source or sink has is where these are."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for number, message in enumerate(self._problem.pieces.messages):
            groups.setdefault((message.part, message.source), []).append(number)
            source, target = self._problem.pieces.ends[number]
            for a in range(self._nodes):
                for b in range(self._nodes):
                    self._y[number, a, b] = self._new(1)
            for node in range(self._nodes):
                leaving = {self._y[number, node, b]: 1.0 for b in range(self._nodes)}
                self._follow(leaving, source, node, self._problem.source)
                arriving = {self._y[number, a, node]: 1.0 for a in range(self._nodes)}
                self._follow(arriving, target, node, self._problem.sink)
        for members in groups.values():
            for a in range(self._nodes):
                for b in range(self._nodes):
                    if a != b:
                        self._flows.append((members[0], a, b, self._shared(members, a, b)))

    def _follow(self, flow: dict[int, float], piece: int, node: int, end: int) -> None:
        if 0 <= piece < self._problem.num_pieces:
            self._row({**flow, self._x[piece, node]: -1.0}, 0, 0)
        else:
            self._row(flow, float(node == end), float(node == end))

    def _shared(self, members: list[int], a: int, b: int) -> int:
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
            row = {self._ends[target]: 1.0}
            if source >= 0:
                row[self._ends[source]] = -1.0
            for a, b in np.ndindex(self._nodes, self._nodes):
                row[self._y[number, a, b]] = -float(prices.message_s[number, a, b])
            if target < problem.num_pieces:
                row |= {
                    self._x[target, node]: -float(prices.compute_s[target, node]) for node in problem.allowed(target)
                }
            self._row(row, 0, math.inf)
        if math.isfinite(problem.constraints.deadline_s):
            self._upper[self._ends[-1]] = problem.constraints.deadline_s

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
                self._target = {self._ends[-1]: 1.0}
            case "throughput":
                self._least_above(self._busy())
            case "energy_per_node":
                self._least_above(self._energy)
            case "energy_total":
                for row in self._energy:
                    for variable, joules in row.items():
                        self._target[variable] = self._target.get(variable, 0.0) + joules
            case "memory":
                self._least_above(self._memory)

    def _busy(self) -> list[Row]:
        prices = self._problem.prices
        rows: list[Row] = []
        for node in range(self._nodes):
            able = [p for p in range(self._problem.num_pieces) if node in self._problem.allowed(p)]
            rows.append({self._x[p, node]: float(prices.stream_s[p, node]) for p in able})
        ways: dict[tuple[int, int], dict[int, float]] = {}
        for number, a, b, flow in self._flows:
            ways.setdefault((a, b), {})[flow] = float(prices.occupied_s[number, a, b])
        return [*rows, *ways.values()]

    def _least_above(self, rows: Iterable[Row]) -> None:
        most = self._new(math.inf)
        for row in rows:
            self._row({**{variable: -value for variable, value in row.items()}, most: 1.0}, 0, math.inf)
        self._target = {most: 1.0}

    def _solved(self, most_nodes: int, gap: float) -> Solution | None:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_matrix

        count = len(self._upper)
        places = [(i, variable, value) for i, (row, _, _) in enumerate(self._rows) for variable, value in row.items()]
        rows, columns, values = zip(*places, strict=True)
        matrix = csr_matrix((values, (rows, columns)), shape=(len(self._rows), count))
        target = np.zeros(count)
        target[list(self._target)] = list(self._target.values())
        # Seconds of a millionth and bytes of a million stand in one program: the solver's tolerances are absolute.
        unit = float(np.abs(target).max()) or 1.0
        size = np.maximum(1e-300, abs(matrix).max(axis=1).toarray().ravel())
        low, high = (np.array([row[side] for row in self._rows]) / size for side in (1, 2))
        found = milp(
            target / unit,
            integrality=np.array(self._whole),
            bounds=Bounds(0, np.array(self._upper)),
            constraints=LinearConstraint(csr_matrix(matrix.multiply(1 / size[:, None])), low, high),
            options={"node_limit": most_nodes, "mip_rel_gap": gap},
        )
        if found.x is None:
            return None
        at = tuple(np.argmax(found.x[self._x], axis=1).tolist())
        return Solution(at, float(found.mip_dual_bound) * unit, found.status == 0, max(1, int(found.mip_node_count)))
