"""Splitters that divide each layer over several devices, and shares that follow the speed of these."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from engine.inference.cuts.pieces import Pieces
from engine.inference.placer import NoPlan, Placement
from engine.inference.plans.problem import PlacementProblem
from engine.inference.splitter import Splitter
from engine.models.graph import Graph


class SharingSplitter(Splitter):
    """Divides rows or channels of each layer by shares, one per device."""

    weights: tuple[float, ...] = Field(default=(), max_length=64)
    """Share of each device in the rows or channels, such as its speed; equal if empty."""

    by_speed: bool = False
    """Whether shares follow the speed of the devices: of equal shares, those in proportion to the speeds of the devices
    that equal ones go to, and those of the fastest devices, the ones with the best plan are taken."""

    @property
    @abstractmethod
    def num_shares(self) -> int:
        """How many shares there are."""

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if self.weights and (len(self.weights) != self.num_shares or min(self.weights) <= 0):
            raise ValueError(f"weights should be {self.num_shares} positive numbers, one per share")
        if self.weights and self.by_speed:
            raise ValueError("shares are set by weights or follow the speed (by_speed), not both")
        return self


def shared_by_speed(
    splitter: SharingSplitter,
    graph: Graph,
    problem_of: Callable[[Pieces], PlacementProblem],
    place: Callable[[PlacementProblem], Placement],
) -> Pieces:
    """The pieces of the best of some shares; those of equal ones where there is no plan.

    Source: Mao et al., MoDNN, DATE 2017, section III-B (rows in proportion to speed).

    Args:
        splitter: that divides.
        graph: the network.
        problem_of: what a placer solves, from pieces.
        place: places them.
    """
    equal = splitter.split(graph)
    problem = problem_of(equal)
    speeds = _speeds(problem)
    first = _placed(place, problem)
    best, least = equal, np.inf if first is None else first.value
    for weights in _weights(splitter.num_shares, equal, speeds, first):
        pieces = splitter.model_copy(update={"weights": weights}).split(graph)
        found = _placed(place, problem_of(pieces))
        if found is not None and found.value < least:
            best, least = pieces, found.value
    return best


def _placed(place: Callable[[PlacementProblem], Placement], problem: PlacementProblem) -> Placement | None:
    try:
        return place(problem)
    except NoPlan:
        return None


def _speeds(problem: PlacementProblem) -> np.ndarray:
    """(N,) operations per second of each node on all pieces; 0 where it cannot compute one."""
    work = sum(sum(piece.work.macs.values()) for piece in problem.pieces.pieces)
    found: np.ndarray = work / problem.prices.compute_s.sum(axis=0)
    return found


def _weights(
    count: int, pieces: Pieces, speeds: np.ndarray, placement: Placement | None
) -> Iterator[tuple[float, ...]]:
    """Speeds of the fastest nodes, and of those on which each share does most of its work."""
    fastest = sorted(speeds[speeds > 0].tolist(), reverse=True)[:count]
    if len(fastest) == count:
        yield tuple(fastest)
    if placement is None:
        return
    work = np.zeros((count, len(speeds)))
    for piece, node in zip(pieces.pieces, placement.at, strict=True):
        if (number := share_of(piece.name)) is not None:
            work[number, node] += sum(piece.work.macs.values())
    chosen: Sequence[float] = speeds[work.argmax(axis=1)].tolist()
    yield tuple(chosen)


def share_of(name: str) -> int | None:
    """Number of the share that a piece belongs to, by its name; None for what is computed whole."""
    words = name.split(" ")
    return int(words[-1]) if len(words) > 1 and words[-2] in ("tile", "slice") else None
