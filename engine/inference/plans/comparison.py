"""The table of plans: what is carried out beside the trivial ones."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.core.json import JsonValue
from engine.inference.cuts.pieces import Pieces
from engine.inference.nonn.rivals import rival_network, rival_placements, rivals_of
from engine.inference.placer import Placement
from engine.inference.plans.plan import Plan
from engine.inference.plans.planning import CHOSEN, TEACHER, TITLES, Planning
from engine.inference.plans.problem import PlacementProblem
from engine.models.profile import profile
from engine.task.contract import State

if TYPE_CHECKING:
    from engine.inference.world import World


def rows_of(planning: Planning, accuracy: float, teacher: float) -> list[dict[str, JsonValue]]:
    """A line per plan, as its event carries it: plans of the same pieces are right equally often where they round the
    same messages. How often others are is known of the trained network alone, whole.

    Args:
        planning: with the plans.
        accuracy: of the network that answers.
        teacher: of the network that was trained first.
    """
    whole = profile(planning.graph).total_macs
    bits = {name: bits_of(planning.problem, placement) for name, placement in planning.placements.items()}
    known = {bits[CHOSEN]: accuracy}
    if planning.is_cut_network:
        known.setdefault((32,) * len(planning.pieces.messages), teacher)
    return [
        row_of(
            (name, *TITLES[name]),
            plan,
            accuracy=teacher if name == TEACHER else known.get(bits[name]),
            macs={plan.at[0]: whole} if name == TEACHER else macs_of(planning.pieces, plan),
        )
        for name, plan in planning.plans.items()
    ]


def bits_of(problem: PlacementProblem, placement: Placement) -> tuple[int, ...]:
    """Bits of each value of every message where pieces are placed so."""
    return tuple(message.bits for message in problem.carried(placement.at).messages)


def macs_of(pieces: Pieces, plan: Plan) -> dict[int, int]:
    """Multiply-accumulates of one inference by device, without element-wise work; the mean where some exit early."""
    found: Counter[int] = Counter()
    for piece, share, device in zip(pieces.pieces, pieces.piece_shares, plan.at, strict=True):
        mine = sum(count for operator, count in piece.work.macs.items() if operator != "other")
        found[device] += round(share * mine)
    return found


def row_of(
    names: tuple[str, str, str], plan: Plan, *, accuracy: float | None, macs: Mapping[int, int]
) -> dict[str, JsonValue]:
    """A plan's line.

    Args:
        names: name, title and role of the plan.
        plan: with its costs.
        accuracy: of the network that answers; None if it is not known.
        macs: of one inference by device.
    """
    name, title, role = names
    return {
        "name": name,
        "title": title,
        "role": role,
        "accuracy": accuracy,
        "latency_s": plan.latency_s,
        "throughput_rps": finite(plan.throughput_rps),
        "energy_j_per_inference": plan.energy_j,
        "most_energy_j": max(share.energy_j + share.waiting_j for share in plan.devices),
        "peak_memory_bytes": max(share.memory_bytes for share in plan.devices),
        "parameter_bytes": sum(stage.parameter_bytes for stage in plan.stages),
        "macs": sum(macs.values()),
        "most_macs": max(macs.values()),
        "message_bytes": sum(message.share * message.num_bytes for message in plan.messages),
        "num_messages": len(plan.messages),
        "num_devices": len(set(plan.at)),
        "survival": plan.survival,
        "explanation": plan.explanation,
    }


def rival_rows(world: "World", state: State, planning: Planning) -> Iterator[dict[str, JsonValue]]:
    """The lines of what was trained beside the students; one that fits nowhere has an accuracy alone."""
    known: Any = state.values["rivals"]
    for rival in rivals_of(world):
        mine = known[rival.name]
        network = rival_network(world, rival, tuple(map(len, mine.get("groups", []))))
        for name, title, pieces, placement in rival_placements(world, rival, network, planning):
            if placement is None:
                row: dict[str, JsonValue] = {"name": name, "title": title, "role": "baseline"}
                yield {**row, "accuracy": mine["accuracy"], "explanation": "fits nowhere"}
                continue
            plan = planning.plan(planning.problem_of(pieces), placement, name)
            yield row_of((name, title, "baseline"), plan, accuracy=mine["accuracy"], macs=macs_of(pieces, plan))


def finite(value: float) -> float | None:
    """The number, or None where it has no end."""
    return value if value < float("inf") else None
