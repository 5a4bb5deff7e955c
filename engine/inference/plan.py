"""A plan: which device computes what, what travels, and what that costs by the cost model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from engine.core.json import JsonValue
from engine.costs.ledger import IDLE
from engine.costs.model import Cost, CostModel
from engine.costs.trace import Trace, TraceBuilder
from engine.inference.pieces import Pieces
from engine.inference.placer import NoPlan, Placement, Placer
from engine.inference.placers.all_cloud import AllCloud
from engine.inference.placers.single_best import SingleBest
from engine.inference.prices import send
from engine.inference.problem import PlacementProblem
from engine.network.network import Network


@dataclass(frozen=True)
class Stage:
    """A piece on its device.

    Attributes:
        piece: its name.
        device: number of the device.
        parameter_bytes: bytes of its weights.
        peak_bytes: weights and activations of this piece alone.
        start_s: when it starts, in an inference that begins at 0.
        end_s: when it has been computed.
    """

    piece: str
    device: int
    parameter_bytes: int
    peak_bytes: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transfer:
    """A tensor, or a part of one, on its way between two devices.

    Attributes:
        content: what it is.
        source: number of the sending device.
        target: number of the receiving one.
        num_bytes: its payload.
        start_s: when it is sent.
        end_s: when all of it has arrived.
    """

    content: str
    source: int
    target: int
    num_bytes: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class DeviceShare:
    """What a device has of a plan.

    Attributes:
        device: its number.
        memory_bytes: peak of its memory: weights, and the most activations alive at once.
        memory_available: memory that it has.
        energy_j: energy of one inference for computing and radio.
        waiting_j: energy while it waits for others.
        busy_s: time for which it computes.
    """

    device: int
    memory_bytes: float
    memory_available: float
    energy_j: float
    waiting_j: float
    busy_s: float


@dataclass(frozen=True)
class Plan:
    """A placement with its costs.

    Attributes:
        title: which plan it is, ``chosen``, ``single_best`` or ``all_cloud``.
        at: number of the device of each piece.
        source: device of the inputs.
        sink: device of the answer.
        stages: what is computed where.
        messages: what travels.
        devices: memory and energy of each device that takes part.
        latency_s: time of one inference, by the cost model.
        throughput_rps: inferences per second of a stream, limited by the busiest device or way between two.
        energy_j: energy of one inference, waiting included, by the cost model.
        bound: lower bound of the objective; None if the placer knows none.
        gap: how far the objective may be above the least, as a share; None likewise.
        explanation: how the placement was found.
        survival: probability that all its devices are there; None if their availability is not known.
    """

    title: str
    at: tuple[int, ...]
    source: int
    sink: int
    stages: tuple[Stage, ...]
    messages: tuple[Transfer, ...]
    devices: tuple[DeviceShare, ...]
    latency_s: float
    throughput_rps: float
    energy_j: float
    bound: float | None
    gap: float | None
    explanation: str
    survival: float | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """The plan as plain values, for events and pages."""
        rows: dict[str, JsonValue] = {
            name: [dict(vars(row)) for row in getattr(self, name)] for name in ("stages", "messages", "devices")
        }
        plain = ("title", "source", "sink", "latency_s", "throughput_rps", "energy_j", "bound", "gap")
        figures: dict[str, JsonValue] = {name: getattr(self, name) for name in (*plain, "explanation", "survival")}
        return {**figures, **rows}


def plan_of(
    problem: PlacementProblem,
    placement: Placement,
    cost_model: CostModel,
    *,
    title: str = "chosen",
    availability: Mapping[int, float] | None = None,
) -> Plan:
    """A placement as a plan, with the figures of the cost model.

    Args:
        problem: what was placed.
        placement: where it went.
        cost_model: of the fleet and network.
        title: which plan it is.
        availability: probability that a device is there, by number; those not named always are.
    """
    laid = lay(problem, placement.at, cost_model.network)
    cost = cost_model.cost(laid.trace)
    nodes, period_s = problem.prices.nodes, placement.score.period_s
    devices = _device_shares(problem, placement, cost_model, (laid, cost))
    return Plan(
        title=title,
        at=tuple(nodes[node] for node in placement.at),
        source=nodes[problem.source],
        sink=nodes[problem.sink],
        stages=_stages(problem, placement, laid, cost),
        messages=_transfers(problem, placement, laid, cost),
        devices=devices,
        latency_s=float(cost.round_s[0]),
        throughput_rps=1 / period_s if period_s > 0 else float("inf"),
        energy_j=sum(share.energy_j + share.waiting_j for share in devices),
        bound=placement.bound,
        gap=placement.gap,
        explanation=placement.explanation,
        survival=None if availability is None else prod(availability.get(share.device, 1.0) for share in devices),
    )


def _stages(problem: PlacementProblem, placement: Placement, laid: "Laid", cost: Cost) -> tuple[Stage, ...]:
    return tuple(
        Stage(
            piece=piece.name,
            device=problem.prices.nodes[node],
            parameter_bytes=piece.parameter_bytes,
            peak_bytes=piece.peak_bytes,
            start_s=float(cost.start_s[item]),
            end_s=float(cost.end_s[item]),
        )
        for piece, node, item in zip(problem.pieces.pieces, placement.at, laid.computed, strict=True)
    )


def _transfers(problem: PlacementProblem, placement: Placement, laid: "Laid", cost: Cost) -> tuple[Transfer, ...]:
    nodes, messages, ways = problem.prices.nodes, problem.pieces.messages, problem.travelling(placement.at)
    return tuple(
        Transfer(
            content=messages[number].part.name,
            source=nodes[ways[number][0]],
            target=nodes[ways[number][1]],
            num_bytes=messages[number].num_bytes,
            start_s=float(cost.start_s[hops[0]]),
            end_s=float(cost.end_s[hops[-1]]),
        )
        for number, hops in laid.sent.items()
    )


def _device_shares(
    problem: PlacementProblem, placement: Placement, cost_model: CostModel, priced: tuple["Laid", Cost]
) -> tuple[DeviceShare, ...]:
    """The shares of source, sink, all devices that compute, and those that pass messages on."""
    (laid, cost), nodes, fleet = priced, problem.prices.nodes, cost_model.fleet
    joules: dict[bool, defaultdict[int, float]] = {True: defaultdict(float), False: defaultdict(float)}
    for row in cost.ledger.to_rows():
        if row["owner"].startswith("device:"):
            joules[row["phase"] == IDLE][int(row["owner"].removeprefix("device:"))] += row["energy_j"]
    busy: defaultdict[int, float] = defaultdict(float)
    for item, node in zip(laid.computed, placement.at, strict=True):
        busy[nodes[node]] += float(cost.end_s[item] - cost.start_s[item])
    memory = dict(zip(nodes, placement.score.memory_bytes.tolist(), strict=True))
    involved = {nodes[problem.source], nodes[problem.sink], *busy, *joules[False]}
    return tuple(
        DeviceShare(
            device=device,
            memory_bytes=memory.get(device, 0.0),
            memory_available=float(fleet.device(device).ram_bytes.value),
            energy_j=float(joules[False][device]),
            waiting_j=float(joules[True][device]),
            busy_s=float(busy[device]),
        )
        for device in sorted(involved)
    )


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


def lay(problem: PlacementProblem, at: Sequence[int], network: Network, *, num_requests: int = 1) -> Laid:
    """One inference of a placement as a trace for the cost model, or several, one after the other.

    A device computes one piece after the other, in their order; what a piece reads must have arrived.

    Args:
        problem: what is placed.
        at: place among the nodes of each piece.
        network: over which messages go.
        num_requests: how many inferences.
    """
    builder, pieces, nodes = TraceBuilder(), problem.pieces, problem.prices.nodes
    builder.next_round(repeats=num_requests)
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


def compare(
    problem: PlacementProblem,
    cost_model: CostModel,
    placer: Placer,
    *,
    availability: Mapping[int, float] | None = None,
) -> list[Plan]:
    """The plan that a placer chooses, and beside it the best single device and all in the cloud, where these can be.

    Args:
        problem: what is to be placed.
        cost_model: of the fleet and network.
        placer: that chooses.
        availability: probability that a device is there, by number.

    Raises:
        NoPlan: the placer finds none.
    """
    plans = [plan_of(problem, placer.place(problem), cost_model, availability=availability)]
    for baseline in (SingleBest(), AllCloud()):
        try:
            placement = baseline.place(problem)
        except NoPlan:
            continue  # too large for any single device, or no cloud: then there is nothing to stand beside
        plans.append(plan_of(problem, placement, cost_model, title=baseline.kind, availability=availability))
    return plans
