"""Schemas of answers about plans of distributed inference; the engine decides their form."""

from typing import Any

Json = dict[str, Any]

_DEVICE: Json = {"type": "integer", "description": "Number of a device of the fleet."}
_BYTES: Json = {"type": "number", "description": "Bytes."}
_SECONDS: Json = {"type": "number", "description": "Seconds."}
_JOULES: Json = {"type": "number", "description": "Joules of one inference."}
_PLACES: Json = {"type": "object", "description": "Device of each piece.", "additionalProperties": _DEVICE}
_MAYBE: Json = {"type": ["number", "null"]}


def _rows(description: str, **properties: Json) -> Json:
    """A list of objects with at least these fields."""
    row = {"type": "object", "required": list(properties), "properties": properties}
    return {"type": "array", "description": description, "items": row}


_PLAN: Json = {
    "type": "object",
    "required": [
        "name", "title", "assignment", "violations", "latency_s", "throughput_rps", "energy_j", "survival", "value",
        "stages", "messages", "devices",
    ],
    "properties": {
        "name": {"enum": ["chosen", "single_best", "all_cloud", "teacher", "edited"]},
        "title": {"type": "string"},
        "assignment": _PLACES,
        "violations": {
            "type": "array",
            "description": "A sentence for each rule that it breaks: memory, deadline, batteries.",
            "items": {"type": "string"},
        },
        "latency_s": {**_SECONDS, "description": "Of one inference, by the cost model."},
        "throughput_rps": {**_MAYBE, "description": "Inferences per second of a stream; null without a limit."},
        "energy_j": _JOULES,
        "survival": {**_MAYBE, "description": "Probability that all its devices are there."},
        "value": {**_MAYBE, "description": "Of the objective, to be least."},
        "bound": {**_MAYBE, "description": "No plan has a lower value; null where the placer knows no bound."},
        "gap": {**_MAYBE, "description": "How far the value may be above the least, as a share of it."},
        "explanation": {"type": "string"},
        "stages": _rows(
            "What is computed where.", piece={"type": "string"}, device=_DEVICE, parameter_bytes=_BYTES,
            peak_bytes=_BYTES, start_s=_SECONDS, end_s=_SECONDS,
        ),
        "messages": _rows(
            "What travels.", content={"type": "string"}, source=_DEVICE, target=_DEVICE, num_bytes=_BYTES,
            start_s=_SECONDS, end_s=_SECONDS,
        ),
        "devices": _rows(
            "Memory and energy of each device that takes part.", device=_DEVICE, memory_bytes=_BYTES,
            memory_available=_BYTES, energy_j=_JOULES, waiting_j=_JOULES, busy_s=_SECONDS,
        ),
    },
}  # fmt: skip

_WINNERS: Json = {
    "type": "object",
    "required": ["axes", "group", "link", "points"],
    "properties": {
        "axes": _rows(
            "What varies, the last one fastest.", name={"enum": ["bandwidth", "rtt", "devices"]},
            values={"type": "array", "items": {"type": "number"}},
        ),
        "group": {"type": ["string", "null"], "description": "The group whose number of devices varies."},
        "link": {"type": "object", "description": "Of the device that asks, with factors of 1."},
        "points": _rows(
            "The plans at each point.", at={"type": "array", "items": {"type": "number"}},
            winner={"type": ["string", "null"]}, num_devices={"type": "integer"}, plans={"type": "object"},
        ),
    },
}  # fmt: skip

_PLANS: Json = {
    "type": "object",
    "required": [
        "objective", "origin", "sink", "cloud", "is_exact", "devices", "pieces", "plans", "missing", "edited", "moved",
        "winners",
    ],
    "properties": {
        "objective": {"type": "string"},
        "origin": {**_DEVICE, "description": "Where inputs arise."},
        "sink": {**_DEVICE, "description": "Where the answer is wanted."},
        "cloud": {"type": ["integer", "null"]},
        "is_exact": {"type": "boolean", "description": "Whether the pieces together compute what the network does."},
        "devices": _rows(
            "The fleet.", number=_DEVICE, group={"type": "string"}, device={"type": "string"}, memory_bytes=_BYTES,
            roles={"type": "array", "items": {"enum": ["origin", "sink", "cloud"]}},
        ),
        "pieces": _rows(
            "What is placed, and which devices can compute it.", name={"type": "string"}, macs={"type": "number"},
            parameter_bytes=_BYTES, peak_bytes=_BYTES, devices={"type": "array", "items": _DEVICE},
        ),
        "plans": {"type": "array", "items": {"$ref": "#/components/schemas/Plan"}},
        "missing": _rows(
            "Plans that there are none of.", name={"type": "string"}, title={"type": "string"},
            reason={"type": "string"},
        ),
        "edited": {
            "description": "The plan by hand; null without an assignment.",
            "anyOf": [{"$ref": "#/components/schemas/Plan"}, {"type": "null"}],
        },
        "winners": {
            "description": "The best plan at each point of the sweep; null without one.",
            "anyOf": [_WINNERS, {"type": "null"}],
        },
        "moved": _rows(
            "The pieces that it moves.", piece={"type": "string"}, **{"from": _DEVICE, "to": _DEVICE}
        ),
    },
}  # fmt: skip


def plan_schemas() -> Json:
    """The schemas by their name in the OpenAPI document."""
    return {"Plan": _PLAN, "Plans": _PLANS}
