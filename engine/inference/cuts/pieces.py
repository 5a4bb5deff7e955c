"""Pieces of a network, each for one device, and the messages between them: what splitters make and placers place."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from engine.core.errors import EngineError
from engine.core.operators import OPERATOR_CLASSES, OperatorClass
from engine.costs.work import Work
from engine.inference.cuts.parts import Part, common, extent, input_part, needs, part_bytes, without
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import FLOAT_BYTES, elements

SOURCE, SINK = "source", "sink"
"""Names of the two ends in messages: where inputs arise, and where the answer is wanted."""

End = Literal["source", "sink"]


@dataclass(frozen=True)
class Piece:
    """A part of a network that one device computes.

    Attributes:
        name: unique among the pieces.
        work: of one inference.
        parameter_bytes: bytes of its weights.
        peak_bytes: weights, and the most bytes of activations alive at once: what it reads from others included.
        parts: what it computes, in order.
        weights: name and bytes of each node's weights, or of the slice of them; a device keeps equal ones once.
        pinned: the end at which it must be; None if it may be anywhere.
    """

    name: str
    work: Work
    parameter_bytes: int
    peak_bytes: int
    parts: tuple[Part, ...] = ()
    weights: tuple[tuple[str, int], ...] = ()
    pinned: End | None = None

    @property
    def working_bytes(self) -> int:
        """The most bytes of activations alive at once."""
        return self.peak_bytes - self.parameter_bytes


@dataclass(frozen=True)
class Message:
    """A tensor, or a part of one, that a piece needs from another; nothing travels where both are on one device.

    Attributes:
        part: what it carries.
        source: name of the piece that makes it, or ``source``.
        target: name of the piece that reads it, or ``sink``.
        num_bytes: its payload.
        bits: of each value on the way; 32 are sent as they are.
    """

    part: Part
    source: str
    target: str
    num_bytes: int
    bits: int = 32


@dataclass(frozen=True)
class Pieces:
    """A split network.

    Attributes:
        pieces: each after those that it reads.
        messages: in the order of their targets.
        exact: whether the pieces together compute what the whole network does.
        exit_rates: share of the inferences that are answered after each piece, all above 0, where those answered early
            leave the rest of the chain undone; empty where every inference needs all pieces.

    Raises:
        EngineError: names repeat, or a message goes backwards or nowhere; or exits are not one per piece.
    """

    pieces: tuple[Piece, ...]
    messages: tuple[Message, ...]
    exact: bool
    exit_rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.place) != len(self.pieces) + 2:
            raise EngineError("pieces need names that differ, and none is called source or sink")
        for message in self.messages:
            ends = self.place.get(message.source), self.place.get(message.target)
            if ends[0] is None or ends[1] is None or ends[0] >= ends[1]:
                raise EngineError(f"a message goes from a piece to a later one, not {message.source}-{message.target}")
        if self.exit_rates and (len(self.exit_rates) != len(self.pieces) or min(self.exit_rates) <= 0):
            raise EngineError(f"{len(self.pieces)} pieces need as many shares above 0, not {self.exit_rates}")

    @cached_property
    def place(self) -> dict[str, int]:
        """Number of each piece; -1 for the source, their count for the sink."""
        return {SOURCE: -1, **{piece.name: i for i, piece in enumerate(self.pieces)}, SINK: len(self.pieces)}

    @cached_property
    def ends(self) -> tuple[tuple[int, int], ...]:
        """Numbers of the pieces at both ends of each message."""
        return tuple((self.place[message.source], self.place[message.target]) for message in self.messages)

    @cached_property
    def piece_shares(self) -> tuple[float, ...]:
        """Share of the inferences that need each piece."""
        if not self.exit_rates:
            return (1.0,) * len(self.pieces)
        return tuple(sum(self.exit_rates[number:]) for number in range(len(self.pieces)))

    @cached_property
    def message_shares(self) -> tuple[float, ...]:
        """Share of the inferences that need each message: what a piece sends to the sink is an answer."""
        if not self.exit_rates:
            return (1.0,) * len(self.messages)
        ends = self.ends
        return tuple(
            self.exit_rates[source] if target == len(self.pieces) else self.piece_shares[target]
            for source, target in ends
        )

    @cached_property
    def is_chain(self) -> bool:
        """Whether each piece reads only the one before it."""
        return all(target == source + 1 for source, target in self.ends)

    @property
    def parameter_bytes(self) -> int:
        """Bytes of all weights, those that several pieces have counted once."""
        return sum(dict(weight for piece in self.pieces for weight in piece.weights).values())

    @property
    def total_macs(self) -> int:
        """Multiply-accumulates of all pieces, without element-wise work; what tiles compute twice counts twice."""
        return sum(count for piece in self.pieces for op, count in piece.work.macs.items() if op != "other")


def join(graph: Graph, shares: Iterable[tuple[str, Sequence[Part]]], answers: Sequence[str] = ()) -> Pieces:
    """The pieces of a network, given what each of them computes; work, memory and messages follow.

    Args:
        graph: the whole network.
        shares: name of each piece and the parts that it computes, in an order in which it can.
        answers: nodes whose outputs go to the sink; the network's output if left out.

    Raises:
        EngineError: a part is needed that no earlier piece makes.
    """
    made: dict[str, list[tuple[str, Part]]] = {INPUT: [(SOURCE, input_part())]}
    drafts: list[tuple[str, tuple[Part, ...]]] = []
    messages: list[Message] = []
    for name, listed in shares:
        parts = tuple(listed)
        messages += _messages(graph, name, _missing(graph, parts), made)
        for part in parts:
            made.setdefault(part.tensor, []).append((name, part))
        drafts.append((name, parts))
    messages += _messages(graph, SINK, [Part(name) for name in answers or (graph.output,)], made)
    sent = {name: [message.part for message in messages if message.source == name] for name, _ in drafts}
    read = {name: [message.part for message in messages if message.target == name] for name, _ in drafts}
    pieces = tuple(piece_of(graph, name, parts, (read[name], sent[name])) for name, parts in drafts)
    return Pieces(pieces, tuple(messages), exact=True)


def _missing(graph: Graph, parts: Sequence[Part]) -> list[Part]:
    """What a piece needs and does not make itself, each tensor's range once."""
    own: dict[str, list[Part]] = {}
    wanted: dict[str, Part] = {}
    for part in parts:
        for need in needs(graph, part):
            for left in _uncovered(graph, need, own.get(need.tensor, [])):
                known = wanted.get(left.tensor)
                wanted[left.tensor] = left if known is None else _hull(known, left)
        own.setdefault(part.tensor, []).append(part)
    return list(wanted.values())


def _hull(one: Part, other: Part) -> Part:
    """The smallest range with both; pieces need neighboring ranges, so nothing is carried in vain."""
    if one.axis != other.axis or one.axis == "whole":
        return Part(one.tensor)
    return Part(one.tensor, one.axis, min(one.start, other.start), max(one.stop, other.stop))


def _uncovered(graph: Graph, need: Part, made: Iterable[Part]) -> list[Part]:
    left = [need]
    for part in made:
        left = [rest for wanted in left for rest in _rest(graph, wanted, part)]
    return left


def _rest(graph: Graph, wanted: Part, part: Part) -> list[Part]:
    found = common(wanted, part)
    return [wanted] if found is None else without(wanted, found, graph)


def _messages(
    graph: Graph, target: str, wanted: Iterable[Part], made: dict[str, list[tuple[str, Part]]]
) -> Iterator[Message]:
    for need in wanted:
        left = [need]
        for source, part in made.get(need.tensor, []):
            for wish in left:
                if (found := common(wish, part)) is not None:
                    yield Message(found, source, target, part_bytes(graph, found))
            left = [rest for wish in left for rest in _rest(graph, wish, part)]
        if left:
            raise EngineError(f"{target} needs {left[0].name}, which no piece before it makes")


def piece_of(graph: Graph, name: str, parts: tuple[Part, ...], traffic: tuple[Sequence[Part], Sequence[Part]]) -> Piece:
    """A piece with its work and memory.

    Args:
        graph: the whole network.
        name: of the piece.
        parts: what it computes, in order.
        traffic: what it reads from others, and what others read of it.
    """
    nodes = {node.name: node for node in graph.nodes}
    macs: Counter[OperatorClass] = Counter()
    weights: dict[str, int] = {}
    trained = 0
    for part in parts:
        node = nodes[part.tensor]
        count, size = extent(graph, part)
        macs.update({op: total * count // size for op, total in node.layer.macs(graph.input_shapes(node)).items()})
        held, learned = _weights(graph, node, part)
        if held:
            weights[part.name if part.axis == "channels" else node.name] = held
            trained += learned
    working, kept = _working_bytes(graph, parts, *traffic), sum(weights.values())
    work = Work(
        macs={op: macs[op] for op in OPERATOR_CLASSES},
        parameter_count=trained,
        parameter_bytes=kept,
        working_set_bytes=working,
    )
    return Piece(name, work, kept, kept + working, parts, tuple(weights.items()))


def _weights(graph: Graph, node: Node, part: Part) -> tuple[int, int]:
    """Bytes of the weights for a part of a node's output, and how many of them are trained."""
    count, size = extent(graph, part) if part.axis == "channels" else (1, 1)
    found = node.layer.weights(graph.input_shapes(node))
    held = sum(elements(weight.shape) for weight in found)
    trained = sum(elements(weight.shape) for weight in found if not weight.is_buffer)
    return FLOAT_BYTES * held * count // size, trained * count // size


def _working_bytes(graph: Graph, parts: tuple[Part, ...], read: Sequence[Part], sent: Sequence[Part]) -> int:
    """The most bytes alive at once: each part from its making, or from the start, to its last reader.

    A view shares the memory of what it shows, as in :func:`engine.models.liveness.storage`.
    """
    nodes = {node.name: node for node in graph.nodes}
    owner: dict[str, str] = {}
    end: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for part in read:
        sizes[part.tensor] += part_bytes(graph, part)
    for place, part in enumerate(parts):
        node = nodes[part.tensor]
        for source in node.inputs:
            end[owner.get(source, source)] = place
        shares = node.layer.is_view or node.layer.is_identity_in_use
        owner[part.tensor] = owner.get(node.inputs[0], node.inputs[0]) if shares else part.tensor
        if not shares:
            sizes[part.tensor] += part_bytes(graph, part)
    for part in sent:
        end[owner[part.tensor]] = len(parts)
    alive, peak = {part.tensor for part in read}, 0
    for place, part in enumerate(parts):
        alive.add(owner[part.tensor])
        peak = max(peak, sum(sizes[tensor] for tensor in alive))
        alive = {tensor for tensor in alive if end[tensor] > place}
    return peak
