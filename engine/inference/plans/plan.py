"""A plan: which device computes what, what travels, and what that costs by the cost model."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from engine.core.json import JsonValue
from engine.costs.ledger import IDLE
from engine.costs.model import CostModel
from engine.inference.cuts.parts import Part
from engine.inference.cuts.pieces import SINK
from engine.inference.placer import Placement
from engine.inference.plans.courses import Course, courses
from engine.inference.plans.prices import Floats
from engine.inference.plans.problem import PlacementProblem


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
        energy_j: of computing it, the mean over all inferences.
        share: of the inferences that need it; the others were answered at an exit before.
    """

    piece: str
    device: int
    parameter_bytes: int
    peak_bytes: int
    start_s: float
    end_s: float
    energy_j: float
    share: float = 1.0


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
        share: of the inferences that need it.
    """

    content: str
    source: int
    target: int
    num_bytes: int
    start_s: float
    end_s: float
    share: float = 1.0


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
        latency_s: time of one inference, by the cost model; the mean where some exit early.
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
    ways = courses(problem, placement.at, cost_model)
    nodes, period_s = problem.prices.nodes, placement.score.period_s
    devices = device_shares(problem, placement.score.memory_bytes, cost_model, ways)
    return Plan(
        title=title,
        at=tuple(nodes[node] for node in placement.at),
        source=nodes[problem.source],
        sink=nodes[problem.sink],
        stages=_stages(problem, ways[-1]),
        messages=tuple(_transfers(problem, ways)),
        devices=devices,
        latency_s=sum(way.share * way.seconds for way in ways),
        throughput_rps=1 / period_s if period_s > 0 else float("inf"),
        energy_j=sum(share.energy_j + share.waiting_j for share in devices),
        bound=placement.bound,
        gap=placement.gap,
        explanation=placement.explanation,
        survival=None if availability is None else prod(availability.get(share.device, 1.0) for share in devices),
    )


def _stages(problem: PlacementProblem, longest: Course) -> tuple[Stage, ...]:
    start, end, pieces = longest.cost.start_s, longest.cost.end_s, problem.pieces
    return tuple(
        Stage(
            piece=piece.name,
            device=problem.prices.nodes[node],
            parameter_bytes=piece.parameter_bytes,
            peak_bytes=piece.peak_bytes,
            start_s=float(start[item]),
            end_s=float(end[item]),
            energy_j=float(problem.prices.compute_j[number, node]),
            share=share,
        )
        for number, (piece, node, item, share) in enumerate(
            zip(pieces.pieces, longest.at, longest.laid.computed, pieces.piece_shares, strict=True)
        )
    )


def _transfers(problem: PlacementProblem, ways: Sequence[Course]) -> Iterator[Transfer]:
    """What travels on the longest way, and before it the answers of the shorter ones."""
    nodes, shares = problem.prices.nodes, dict(zip(_keys(problem), problem.pieces.message_shares, strict=True))
    for way in ways:
        part, travelling, keys = way.problem, way.problem.travelling(way.at), _keys(way.problem)
        for number, hops in way.laid.sent.items():
            if way is ways[-1] or part.pieces.messages[number].target == SINK:
                yield Transfer(
                    content=part.pieces.messages[number].part.name,
                    source=nodes[travelling[number][0]],
                    target=nodes[travelling[number][1]],
                    num_bytes=part.pieces.messages[number].num_bytes,
                    start_s=float(way.cost.start_s[hops[0]]),
                    end_s=float(way.cost.end_s[hops[-1]]),
                    share=shares[keys[number]],
                )


def _keys(problem: PlacementProblem) -> list[tuple[Part, str, str]]:
    return [(message.part, message.source, message.target) for message in problem.pieces.messages]


def device_shares(
    problem: PlacementProblem, memory_bytes: Floats, cost_model: CostModel, ways: Sequence[Course]
) -> tuple[DeviceShare, ...]:
    """The shares of source, sink, all devices that compute, and those that pass messages on.

    Args:
        problem: what was placed.
        memory_bytes: (N,) peak of each node's memory.
        cost_model: of the fleet and network.
        ways: that an inference may take through the placement.
    """
    nodes, fleet = problem.prices.nodes, cost_model.fleet
    joules: dict[bool, defaultdict[int, float]] = {True: defaultdict(float), False: defaultdict(float)}
    busy: defaultdict[int, float] = defaultdict(float)
    for way in ways:
        for row in way.cost.ledger.to_rows():
            if row["owner"].startswith("device:"):
                device = int(row["owner"].removeprefix("device:"))
                joules[row["phase"] == IDLE][device] += way.share * row["energy_j"]
        for item, node in zip(way.laid.computed, way.at, strict=True):
            busy[nodes[node]] += way.share * float(way.cost.end_s[item] - way.cost.start_s[item])
    memory = dict(zip(nodes, memory_bytes.tolist(), strict=True))
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
