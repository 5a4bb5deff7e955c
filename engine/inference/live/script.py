"""What the processes of a plan are told: who computes which piece, for how long, and by what way messages go."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.core.errors import EngineError
from engine.costs.model import CostModel
from engine.inference.cuts.parts import Part
from engine.inference.cuts.pieces import Message, Piece, Pieces
from engine.inference.live.exits import ExitRule
from engine.inference.outages.failures import MISSING, without_pieces
from engine.inference.plans.courses import lay
from engine.inference.plans.problem import PlacementProblem


@dataclass(frozen=True)
class Script:
    """A placement for the processes of a laboratory, by their places.

    Attributes:
        at: place of each piece; -1 of pieces that nobody computes, in whose stead zeros are read.
        seconds: that each piece takes on its device; 0 of missing ones.
        ways: the places that each message passes, from its sender to its reader, by its number; messages that do not
            travel are left out.
        source: place of the inputs.
        sink: place of the answer.
        latency_s: of one inference that needs all pieces, by the cost model.
        rule: by what exits answer: each piece but the last one of the chain has one; None where there are none.
    """

    at: tuple[int, ...]
    seconds: tuple[float, ...]
    ways: Mapping[int, tuple[int, ...]]
    source: int
    sink: int
    latency_s: float
    rule: ExitRule | None = None

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the pieces that nobody computes."""
        return tuple(piece for piece, place in enumerate(self.at) if place == MISSING)

    @property
    def last(self) -> int:
        """Number of the last piece that somebody computes."""
        return max(piece for piece, place in enumerate(self.at) if place != MISSING)

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """Places between which messages go."""
        return {(way[i], way[i + 1]) for way in self.ways.values() for i in range(len(way) - 1)}

    def to_json(self) -> dict[str, Any]:
        """The script as plain data."""
        return {**asdict(self), "ways": {str(number): list(way) for number, way in self.ways.items()}}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> "Script":
        """The script of :meth:`to_json`."""
        ways = {int(number): tuple(way) for number, way in tree["ways"].items()}
        rule = ExitRule(**tree["rule"]) if tree["rule"] else None
        return cls(**{**tree, "at": tuple(tree["at"]), "seconds": tuple(tree["seconds"]), "ways": ways, "rule": rule})


def script_of(
    problem: PlacementProblem,
    at: Sequence[int],
    cost_model: CostModel,
    places: Mapping[int, int],
    rule: ExitRule | None = None,
) -> Script:
    """The script of a placement.

    Args:
        problem: what is placed.
        at: number of the device of each piece, -1 of missing ones.
        cost_model: says how long devices compute.
        places: of devices, gateways and server in the laboratory, by their numbers.
        rule: by what exits answer.

    Raises:
        EngineError: there are exits without a rule.
    """
    if problem.pieces.exit_rates and rule is None:
        raise EngineError("a network with early exits needs a rule by which they answer")
    node = {device: place for place, device in enumerate(problem.prices.nodes)}
    whole = tuple(MISSING if device == MISSING else node[device] for device in at)
    reduced, left = without_pieces(problem, whole)
    laid = lay(reduced, left, cost_model.network)
    cost = cost_model.cost(laid.trace)
    kept = [piece for piece, device in enumerate(at) if device != MISSING]
    seconds = [0.0] * len(at)
    for piece, item in zip(kept, laid.computed, strict=True):
        seconds[piece] = float(cost.end_s[item] - cost.start_s[item])
    ways: dict[int, tuple[int, ...]] = {}
    for number, items in laid.sent.items():
        passed = [int(laid.trace["source"][items[0]]), *(int(laid.trace["target"][item]) for item in items)]
        ways[problem.pieces.messages.index(reduced.pieces.messages[number])] = tuple(places[end] for end in passed)
    nodes = problem.prices.nodes
    return Script(
        at=tuple(MISSING if device == MISSING else places[device] for device in at),
        seconds=tuple(seconds),
        ways=ways,
        source=places[nodes[problem.source]],
        sink=places[nodes[problem.sink]],
        latency_s=float(cost.round_s[0]),
        rule=rule,
    )


def pieces_to_json(pieces: Pieces) -> dict[str, Any]:
    """What processes must know of pieces: what each computes and what travels."""
    return {
        "pieces": [{"name": piece.name, "parts": [asdict(part) for part in piece.parts]} for piece in pieces.pieces],
        "messages": [asdict(message) for message in pieces.messages],
    }


def pieces_from_json(tree: Mapping[str, Any]) -> Pieces:
    """The pieces of :func:`pieces_to_json`, without work and memory."""
    from engine.costs.work import Work

    pieces = (Piece(one["name"], Work(), 0, 0, tuple(Part(**part) for part in one["parts"])) for one in tree["pieces"])
    messages = (Message(**{**one, "part": Part(**one["part"])}) for one in tree["messages"])
    return Pieces(tuple(pieces), tuple(messages), exact=False)
