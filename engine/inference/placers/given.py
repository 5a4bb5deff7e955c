"""A plan made by hand."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.errors import Problem
from engine.inference.placer import NoPlan, Placement, Placer, Size, placement_of, placers
from engine.inference.plans.problem import PlacementProblem

MOST_NAMED = 12
"""Pieces that a message names."""

PieceName = Annotated[str, Field(min_length=1, max_length=200)]
"""The name of a piece; a message about a longer one would be as long."""


@placers.register
class Given(Placer):
    """Each piece on the device that was chosen for it by hand.

    The plan is carried out as it is, or refused where it breaks a constraint; no other one is made of it, so that the
    loss of a device for which no other stands by is not met by a new plan.
    """

    source: ClassVar[str] = "This platform: docs/reference/inference.md"
    kind: Literal["given"] = "given"

    assignment: dict[PieceName, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Number of the device of each piece, by the piece's name; pieces that are not named are computed where inputs
    arise, and pinned ones stay at their end."""

    def effort(self, size: Size) -> float:
        """One placement."""
        return size.placement

    def find(self, problem: PlacementProblem) -> Placement:
        """The nodes of the devices as given."""
        if wrong := self.problems(problem):
            raise NoPlan("; ".join(map(str, wrong)))
        return placement_of(problem, self._at(problem), "chosen by hand")

    def problems(self, problem: PlacementProblem) -> list[Problem]:
        """Pieces and devices that are not there, and devices on which a piece cannot be; all of them."""
        pieces, nodes = problem.pieces, problem.prices.nodes
        numbers = {piece.name: number for number, piece in enumerate(pieces.pieces)}
        found = []
        for name, device in self.assignment.items():
            path = f"assignment.{name}"
            if name not in numbers:
                message = f"the splitter makes no piece {name!r}; there are {named(list(numbers))}"
                found.append(Problem(path, "unknown_piece", message))
            elif device not in nodes:
                message = f"the fleet has the devices {min(nodes)} to {max(nodes)}; given: {device}"
                found.append(Problem(path, "unknown_device", message))
            elif nodes.index(device) not in (allowed := problem.allowed(numbers[name])):
                places = named([str(nodes[node]) for node in allowed]) or "none"
                message = f"device {device} cannot compute piece {name}; devices that can: {places}"
                found.append(Problem(path, "cannot_compute", message))
        return found

    def _at(self, problem: PlacementProblem) -> tuple[int, ...]:
        nodes = problem.prices.nodes
        return tuple(
            nodes.index(self.assignment[piece.name])
            if piece.name in self.assignment
            else problem.source
            if piece.pinned is None
            else problem.allowed(number)[0]
            for number, piece in enumerate(problem.pieces.pieces)
        )


def named(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
