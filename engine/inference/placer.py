"""Where each piece of a network goes: the family of placers."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

from engine.core.component import Component
from engine.core.errors import EngineError, Problem
from engine.core.registry import Registry
from engine.inference.plans.problem import Objective, PlacementProblem, Score

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)


class NoPlan(EngineError):
    """A placer finds no plan that keeps to the constraints, or does not apply to the problem."""

    code = "no_plan"


@dataclass(frozen=True)
class Size:
    """How large a problem is, as far as it says how long a placer takes.

    Attributes:
        pieces: how many are placed.
        messages: how many go between them, input and answer included.
        nodes: on how many they may be placed.
        has_deadline: whether an inference must end in time.
        placements: how many there are; None if that is not known without the prices.
    """

    pieces: int
    messages: int
    nodes: int
    has_deadline: bool = False
    placements: int | None = None

    @classmethod
    def of(cls, problem: PlacementProblem) -> "Size":
        """The size of a problem."""
        pieces, has_deadline = problem.pieces, math.isfinite(problem.constraints.deadline_s)
        placements = math.prod(len(problem.allowed(piece)) for piece in range(problem.num_pieces))
        return cls(len(pieces.pieces), len(pieces.messages), problem.prices.num_nodes, has_deadline, placements)

    @property
    def placement(self) -> int:
        """Steps of finding out what one placement comes to; see :mod:`engine.core.allowance`."""
        return self.pieces + self.messages + self.nodes


@dataclass(frozen=True)
class Placement:
    """Where the pieces go.

    Attributes:
        at: (P,) place among the nodes of each piece.
        score: what that comes to by the prices.
        value: of the objective, to be least.
        bound: no placement that the placer may choose from is below that; None if it knows no bound.
        explanation: how it was found, in a sentence.
        steps: that it took, in the measure of :meth:`Placer.effort`; None where they are not counted.
    """

    at: tuple[int, ...]
    score: Score
    value: float
    bound: float | None
    explanation: str
    steps: float | None = None

    @property
    def gap(self) -> float | None:
        """How far the value may be above the least one, as a share of the value; None if no bound is known."""
        if self.bound is None:
            return None
        return 0.0 if self.value <= self.bound or self.value == 0 else 1 - max(0.0, self.bound) / self.value


class Placer(Component):
    """Finds a node for each piece, so that the objective is least and memory, deadline and batteries hold."""

    objectives: ClassVar[tuple[Objective, ...]] = OBJECTIVES
    """The objectives that it knows."""

    chains_only: ClassVar[bool] = False
    """Whether it places only pieces each of which reads just the one before it."""

    exact: ClassVar[bool] = False
    """Whether no placement of all is better than its own."""

    @abstractmethod
    def find(self, problem: PlacementProblem) -> Placement:
        """A placement.

        Raises:
            NoPlan: there is none, or it finds none.
        """

    def effort(self, size: Size) -> float | None:
        """The most steps that :meth:`find` takes, to the order of magnitude; None if nobody knows, as for new members.

        Who waits for an answer, such as a page, asks only placers of which that is known and little.
        """
        return None

    def problems(self, problem: PlacementProblem) -> list[Problem]:
        """What of its own settings does not fit the problem; paths relative to the placer."""
        return []

    def place(self, problem: PlacementProblem) -> Placement:
        """A placement that keeps to all constraints.

        Raises:
            NoPlan: it finds none, or does not know the objective or such pieces.
        """
        if problem.objective not in self.objectives:
            raise NoPlan(f"knows the objectives {', '.join(self.objectives)}; given: {problem.objective}")
        if self.chains_only and not problem.pieces.is_chain:
            raise NoPlan("places chains only; these pieces form a graph", remedy="Choose the splitter pipeline.")
        placement = self.find(problem)
        if broken := problem.violations(placement.score):
            raise NoPlan("; ".join(broken))
        return placement


def placement_of(
    problem: PlacementProblem,
    at: Sequence[int],
    explanation: str,
    *,
    bound: float | None = None,
    steps: float | None = None,
) -> Placement:
    """The placement with these nodes, and what it comes to."""
    score = problem.score(at)
    return Placement(tuple(at), score, score.value(problem.objective), bound, explanation, steps)


def best_of(problem: PlacementProblem, candidates: Iterable[Sequence[int]]) -> tuple[int, ...] | None:
    """The candidate with the least value among those that keep to the constraints; None if none does."""
    best, least = None, math.inf
    for at in candidates:
        score = problem.score(at)
        value = score.value(problem.objective)
        if value < least and not problem.violations(score):
            best, least = tuple(at), value
    return best


placers: Registry[Placer] = Registry("placers", "engine.inference.placers", Placer, title="Placer")
"""All placers."""
