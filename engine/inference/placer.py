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
class Placement:
    """Where the pieces go.

    Attributes:
        at: (P,) place among the nodes of each piece.
        score: what that comes to by the prices.
        value: of the objective, to be least.
        bound: no placement that the placer may choose from is below that; None if it knows no bound.
        explanation: how it was found, in a sentence.
    """

    at: tuple[int, ...]
    score: Score
    value: float
    bound: float | None
    explanation: str

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
    problem: PlacementProblem, at: Sequence[int], explanation: str, *, bound: float | None = None
) -> Placement:
    """The placement with these nodes, and what it comes to."""
    score = problem.score(at)
    return Placement(tuple(at), score, score.value(problem.objective), bound, explanation)


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
