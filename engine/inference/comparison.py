"""The table of plans: what is carried out beside the trivial ones."""

from engine.core.json import JsonValue
from engine.inference.plan import Plan
from engine.inference.planning import TEACHER, TITLES, Planning


def rows_of(planning: Planning, accuracy: float, teacher: float) -> list[dict[str, JsonValue]]:
    """A line per plan, as its event carries it: all plans of the same pieces are right equally often.

    Args:
        planning: with the plans.
        accuracy: of the network that answers.
        teacher: of the network that was trained first.
    """
    return [row_of(name, plan, teacher if name == TEACHER else accuracy) for name, plan in planning.plans.items()]


def row_of(name: str, plan: Plan, accuracy: float) -> dict[str, JsonValue]:
    """A plan's line."""
    title, role = TITLES[name]
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
        "message_bytes": sum(message.num_bytes for message in plan.messages),
        "num_messages": len(plan.messages),
        "num_devices": len(set(plan.at)),
        "survival": plan.survival,
        "explanation": plan.explanation,
    }


def finite(value: float) -> float | None:
    """The number, or None where it has no end."""
    return value if value < float("inf") else None
