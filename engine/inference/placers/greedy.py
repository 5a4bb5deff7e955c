"""Piece by piece to where it hurts least, then improved by moves."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import ClassVar, Literal

from pydantic import Field

from engine.inference.placer import NoPlan, Placement, Placer, Size, best_of, placement_of, placers
from engine.inference.placers.single_best import alone
from engine.inference.plans.problem import PlacementProblem


@placers.register
class Greedy(Placer):
    """A quick plan for any pieces and any objective, without a promise.

    Each piece goes to the node on which the pieces so far come to the least; then single pieces, and runs of pieces
    that follow each other, move to other nodes as long as that helps. It also starts from the best single device and
    from filling one device after the other, and keeps the best.
    """

    source: ClassVar[str] = (
        "Topcuoglu, Hariri, Wu, HEFT, IEEE TPDS 13(3), 2002, section 4 (earliest finish); local search over moves"
    )
    kind: Literal["greedy"] = "greedy"

    tries: int = Field(default=5000, ge=0, le=1_000_000)
    """Moves that are tried at most."""

    def effort(self, size: Size) -> float:
        """The starts, and as many moves as may be tried."""
        return (_starts(size.pieces, size.nodes) + self.tries) * size.placement

    def find(self, problem: PlacementProblem) -> Placement:
        """The best of three starts, improved."""
        starts = [self._built(problem), self._filled(problem)]
        starts += [alone(problem, node) for node in range(problem.prices.num_nodes)]
        best = best_of(problem, [start for start in starts if start is not None])
        if best is None:
            raise NoPlan("placing piece by piece finds no plan that keeps to memory, deadline and batteries")
        at, left = best, self.tries
        is_better = True
        while is_better and left > 0:
            is_better = False
            value = problem.score(at).value(problem.objective)
            for moved in _moves(problem, at):
                left -= 1
                score = problem.score(moved)
                if score.value(problem.objective) < value and not problem.violations(score):
                    at, is_better = moved, True
                    break
                if left <= 0:
                    break
        moves, size = self.tries - left, Size.of(problem)
        steps = (_starts(size.pieces, size.nodes) + moves) * size.placement
        return placement_of(problem, at, f"placed piece by piece, improved by {moves} moves tried", steps=steps)

    @staticmethod
    def _built(problem: PlacementProblem) -> tuple[int, ...] | None:
        at: tuple[int, ...] = ()
        for piece in range(problem.num_pieces):
            found = best_of(problem, [(*at, node) for node in problem.allowed(piece)])
            if found is None:
                return None
            at = found
        return at

    @staticmethod
    def _filled(problem: PlacementProblem) -> tuple[int, ...] | None:
        """One node after the other, those with most memory first, as far as it reaches."""
        memory = problem.prices.memory_bytes
        by_memory = sorted(range(len(memory)), key=lambda node: -memory[node])
        at: tuple[int, ...] = ()
        for piece in range(problem.num_pieces):
            choices = [(*at, node) for node in by_memory if node in problem.allowed(piece)]
            fitting = [one for one in choices if bool((problem.score(one).memory_bytes <= memory).all())]
            if not fitting:
                return None
            at = fitting[0]
        return at


def _starts(num_pieces: int, num_nodes: int) -> int:
    """Placements, most of them of a few pieces only, that are tried until there is one to improve."""
    return (2 * num_pieces + 1) * num_nodes


def _moves(problem: PlacementProblem, at: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All placements in which a run of pieces on one node has gone to another, short runs first, or in which two nodes
    or two pieces have changed places.
    """
    count = len(at)
    for length in range(1, count + 1):
        for start in range(count - length + 1):
            run = range(start, start + length)
            if len({at[piece] for piece in run}) > 1:
                continue
            for node in set.intersection(*(set(problem.allowed(piece)) for piece in run)) - {at[start]}:
                yield (*at[:start], *[node] * length, *at[start + length :])
    allowed = [set(problem.allowed(piece)) for piece in range(count)]
    for one, other in combinations(range(problem.prices.num_nodes), 2):
        changed = tuple(other if node == one else one if node == other else node for node in at)
        if changed != tuple(at) and all(node in allowed[piece] for piece, node in enumerate(changed)):
            yield changed
    for one, other in combinations(range(count), 2):
        if at[one] != at[other] and at[other] in allowed[one] and at[one] in allowed[other]:
            yield (*at[:one], at[other], *at[one + 1 : other], at[one], *at[other + 1 :])
