"""The network of flows whose minimum cut divides pieces between two nodes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.inference.cuts.pieces import SINK
from engine.inference.plans.problem import PlacementProblem

SCALE = 2**28
"""Whole units in a cost that no minimum cut exceeds: capacities and flows are 32-bit integers."""

ENDLESS = 2**30
"""A capacity that no minimum cut contains."""


@dataclass(frozen=True)
class Costs:
    """What pieces cost on either side and messages between them.

    Attributes:
        far: place among the nodes of the far side; the near one is the source.
        near: (P,) cost of each piece near, with its messages to a sink elsewhere.
        away: (P,) cost of each piece far.
        up: (M,) cost of each message from near to far.
        down: (M,) cost of each message from far to near.
        most: no minimum cut exceeds that.
    """

    far: int
    near: np.ndarray
    away: np.ndarray
    up: np.ndarray
    down: np.ndarray
    most: float

    @classmethod
    def of(cls, problem: PlacementProblem, far: int) -> "Costs":
        """The costs of the objective, seconds or joules."""
        prices, near = problem.prices, problem.source
        if problem.objective == "latency":
            compute, message = prices.compute_s, prices.message_s
        else:
            compute = np.where(np.isfinite(prices.compute_s), prices.compute_j, np.inf)
            message = prices.sender_j + prices.receiver_j
        side = compute[:, near].copy(), compute[:, far].copy()
        for number, piece in enumerate(problem.pieces.pieces):
            if piece.pinned is not None:
                is_far = piece.pinned == SINK and problem.sink == far
                side[not is_far][number] = math.inf
        for number, (source, target) in enumerate(problem.pieces.ends):
            if target == problem.num_pieces and source >= 0:
                side[0][source] += 0.0 if problem.sink == near else message[number, near, problem.sink]
                side[1][source] += 0.0 if problem.sink == far else message[number, far, problem.sink]
        up, down = message[:, near, far], message[:, far, near]
        most = float(np.minimum(*side).sum() + np.maximum(up, down).sum())
        return cls(far, side[0], side[1], up, down, most)

    def dearer(self, problem: PlacementProblem, node: int, price: float) -> "Costs":
        """The same with a price on each byte of weights at one of the nodes."""
        added = price * np.array([piece.parameter_bytes for piece in problem.pieces.pieces])
        if node == self.far:
            return replace(self, away=self.away + added)
        return replace(self, near=self.near + added)


class Cutting:
    """The network of flows: a source side (near), a sink side (far), a vertex per piece, and one per tensor that
    several pieces read, in either direction, so that it travels once.

    Args:
        problem: pieces and messages.
        costs: of pieces and messages.

    Attributes:
        edges: capacity of each edge; the near side is vertex P, the far side P + 1.
    """

    def __init__(self, problem: PlacementProblem, costs: Costs) -> None:
        self._problem, self._costs = problem, costs
        self._near, self._far = problem.num_pieces, problem.num_pieces + 1
        self._count = problem.num_pieces + 2
        self.edges: dict[tuple[int, int], float] = {}
        self._connect()

    def solve(self) -> tuple[tuple[int, ...], float]:
        """The node of each piece, and the least cost."""
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow

        ends, capacities = np.array(list(self.edges)), np.array(list(self.edges.values()))
        whole = np.minimum(capacities * (SCALE / (self._costs.most or 1.0)), ENDLESS).round()
        shape = (self._count, self._count)
        graph = csr_matrix((whole.astype(np.int32), (ends[:, 0], ends[:, 1])), shape=shape)
        left = graph - maximum_flow(graph, self._near, self._far).flow
        left.data[left.data < 0] = 0
        left.eliminate_zeros()
        reached = set(breadth_first_order(left, self._near, return_predecessors=False).tolist())
        at = tuple(self._problem.source if p in reached else self._costs.far for p in range(self._problem.num_pieces))
        crossing = [cost for (a, b), cost in self.edges.items() if a in reached and b not in reached]
        return at, float(sum(crossing))

    def _connect(self) -> None:
        costs, problem = self._costs, self._problem
        for piece in range(problem.num_pieces):
            self._edge(self._near, piece, costs.away[piece])
            self._edge(piece, self._far, costs.near[piece])
        readers: dict[tuple[object, int], list[int]] = {}
        for number, (source, _) in enumerate(problem.pieces.ends):
            readers.setdefault((problem.pieces.messages[number].part, source), []).append(number)
        for (_, source), messages in readers.items():
            targets = [problem.pieces.ends[m][1] for m in messages if problem.pieces.ends[m][1] < problem.num_pieces]
            if targets:
                self._tensor(self._near if source < 0 else source, targets, messages[0])

    def _tensor(self, source: int, targets: Sequence[int], message: int) -> None:
        up, down = self._costs.up[message], self._costs.down[message]
        if len(targets) == 1:
            self._edge(source, targets[0], up)
            self._edge(targets[0], source, down if source != self._near else 0.0)
            return
        there, here = self._count, self._count + 1
        self._count += 2
        self._edge(source, there, up)
        for target in targets:
            self._edge(there, target, math.inf)
            self._edge(target, here, math.inf)
        self._edge(here, source, down if source != self._near else 0.0)

    def _edge(self, source: int, target: int, capacity: float) -> None:
        if capacity > 0:
            self.edges[source, target] = self.edges.get((source, target), 0.0) + float(capacity)
