"""Inferences as traces for the cost model: what is computed and sent, in order, and what each way through costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.costs.model import Cost, CostModel
from engine.costs.trace import Trace, TraceBuilder
from engine.inference.cuts.pieces import Pieces
from engine.inference.plans.prices import Prices, send
from engine.inference.plans.problem import PlacementProblem
from engine.network.network import Network

At = tuple[int, ...]
"""Place among the nodes of each piece."""


@dataclass(frozen=True)
class Laid:
    """One inference as a trace.

    Attributes:
        trace: what is computed and sent, one round for an inference.
        computed: (P,) item of each piece.
        sent: items of each message that travels, one per hop, by its number among the pieces' messages.
    """

    trace: Trace
    computed: tuple[int, ...]
    sent: Mapping[int, list[int]]


def lay(problem: PlacementProblem, at: Sequence[int], network: Network) -> Laid:
    """One inference of a placement as a trace for the cost model.

    A device computes one piece after the other, in their order; what a piece reads must have arrived.

    Args:
        problem: what is placed.
        at: place among the nodes of each piece.
        network: over which messages go.
    """
    builder, pieces, nodes = TraceBuilder(), problem.pieces, problem.prices.nodes
    builder.next_round()
    travelling = problem.travelling(at)
    sent: dict[int, list[int]] = {}
    computed: list[int] = []
    free: dict[int, int] = {}
    for target in range(problem.num_pieces + 1):
        for number in _arriving(pieces, target):
            if number in travelling:
                source, way = pieces.ends[number][0], travelling[number]
                ends, size = (nodes[way[0]], nodes[way[1]]), pieces.messages[number].num_bytes
                after = computed[source] if source >= 0 else None
                sent[number] = send(builder, network, ends, size, after=after)
        if target < problem.num_pieces:
            causes = [free[at[target]]] if at[target] in free else []
            causes += _causes(problem, at, target, (computed, sent))
            after = builder.barrier(causes) if len(causes) > 1 else causes[0] if causes else None
            item = builder.compute(nodes[at[target]], pieces.pieces[target].work, 1, mode="infer", after=after)
            computed.append(int(item[0]))
            free[at[target]] = int(item[0])
    return Laid(builder.build(), tuple(computed), sent)


def _arriving(pieces: Pieces, target: int) -> list[int]:
    return [number for number, ends in enumerate(pieces.ends) if ends[1] == target]


def _causes(
    problem: PlacementProblem, at: Sequence[int], target: int, items: tuple[Sequence[int], Mapping[int, list[int]]]
) -> list[int]:
    """The items that bring what a piece reads: messages, also those that another piece of its node asked for."""
    computed, sent = items
    messages = problem.pieces.messages
    causes = []
    for number in _arriving(problem.pieces, target):
        source, ends = problem.pieces.ends[number][0], problem.ends_of(number, at)
        if ends is None or ends[0] == ends[1]:
            causes += [computed[source]] if source >= 0 else []
            continue
        same = (messages[number].part, messages[number].source)
        for other, hops in sent.items():
            there = problem.ends_of(other, at)
            if (messages[other].part, messages[other].source) == same and there == ends:
                causes.append(hops[-1])
    return causes


@dataclass(frozen=True)
class Course:
    """One way that an inference may take: to the end, or to an exit before it.

    Attributes:
        share: of the inferences that take it.
        problem: the pieces that it needs, each of them in every such inference.
        at: place among the nodes of each of these pieces.
        laid: as a trace.
        cost: by the cost model.
    """

    share: float
    problem: PlacementProblem
    at: At
    laid: Laid
    cost: Cost

    @property
    def seconds(self) -> float:
        """Time of one inference."""
        return float(self.cost.round_s.sum())

    @property
    def energy_j(self) -> float:
        """Energy of one inference on all devices, waiting included."""
        rows = self.cost.ledger.to_rows()
        return float(sum(row["energy_j"] for row in rows if row["owner"].startswith("device:")))


def courses(problem: PlacementProblem, at: Sequence[int], cost_model: CostModel) -> list[Course]:
    """The ways through a placement, from the first exit to the end; a single one where there are no exits."""
    found = []
    for share, part, places in _ways(problem, tuple(at)):
        laid = lay(part, places, cost_model.network)
        found.append(Course(share, part, places, laid, cost_model.cost(laid.trace)))
    return found


def _ways(problem: PlacementProblem, at: At) -> list[tuple[float, PlacementProblem, At]]:
    rates = problem.pieces.exit_rates
    if not rates:
        return [(1.0, problem, at)]
    return [(rate, _until(problem, number), at[: number + 1]) for number, rate in enumerate(rates)]


def _until(problem: PlacementProblem, last: int) -> PlacementProblem:
    """What an inference needs that is answered by a piece: those up to it, without the answers of earlier ones."""
    pieces = problem.pieces
    count = len(pieces.pieces)
    sent = [
        number
        for number, (source, target) in enumerate(pieces.ends)
        if target <= last or (target == count and source == last)
    ]
    return with_only(problem, range(last + 1), sent, ())


def with_only(
    problem: PlacementProblem, kept: Sequence[int], sent: Sequence[int], exit_rates: tuple[float, ...]
) -> PlacementProblem:
    """The problem of some of the pieces.

    Args:
        problem: with all of them.
        kept: numbers of the pieces.
        sent: numbers of the messages between them.
        exit_rates: share of the inferences that are answered after each of them; empty where all pieces are needed.
    """
    pieces, prices = problem.pieces, problem.prices
    olds = [pieces.piece_shares[piece] for piece in kept], [pieces.message_shares[number] for number in sent]
    left = Pieces(
        tuple(pieces.pieces[piece] for piece in kept),
        tuple(pieces.messages[number] for number in sent),
        exact=False,
        exit_rates=exit_rates,
    )
    rows: Prices = replace(
        prices,
        **{name: getattr(prices, name)[list(kept)] for name in ("compute_s", "stream_s", "compute_j")},
        **{name: getattr(prices, name)[list(sent)] for name in ("message_s", "occupied_s", "sender_j", "receiver_j")},
    )
    if pieces.exit_rates:
        news = left.piece_shares, left.message_shares
        rows = rows.times(*(np.divide(new, old).tolist() for new, old in zip(news, olds, strict=True)))
    return replace(problem, pieces=left, prices=rows)
