"""Events of a small distributed inference, as a worker writes them."""

from itertools import pairwise
from typing import Any

from engine.core.json import JsonValue

Json = dict[str, Any]


def plan(name: str, device_of: list[int], **more: JsonValue) -> Json:
    """A plan of three pieces, each of 100 bytes and 10 ms, in a chain."""
    stages = [
        {
            "piece": f"piece{number}", "device": device, "parameter_bytes": 100, "peak_bytes": 200,
            "start_s": 0.01 * number, "end_s": 0.01 * number + 0.01, "macs": 1000, "energy_j": 0.5,
        }
        for number, device in enumerate(device_of)
    ]  # fmt: skip
    ways = [0, *device_of, 0]
    messages = [
        {"content": f"tensor{number}", "source": one, "target": other, "num_bytes": 50, "start_s": 0.0, "end_s": 0.001}
        for number, (one, other) in enumerate(pairwise(ways))
        if one != other
    ]
    devices = [
        {
            "device": device, "memory_bytes": 200.0 * device_of.count(device), "memory_available": 1000.0,
            "energy_j": 0.5, "waiting_j": 0.1, "busy_s": 0.01,
        }
        for device in sorted({0, *device_of})
    ]  # fmt: skip
    figures = {"latency_s": 0.05, "throughput_rps": 100.0, "energy_j": 1.5, "explanation": "by hand"}
    return {
        "stage": "plan", "name": name, "title": name, "source": 0, "sink": 0, **figures, "stages": stages,
        "messages": messages, "devices": devices, **more,
    }  # fmt: skip


def contender(name: str, **figures: JsonValue) -> Json:
    """A row of the table of plans."""
    return {
        "stage": "comparison", "name": name, "title": name.capitalize(),
        "role": "plan" if name == "chosen" else "baseline", "accuracy": 0.9, "latency_s": 0.05,
        "throughput_rps": 100.0, "energy_j_per_inference": 1.5, "most_energy_j": 0.6,
        "peak_memory_bytes": 400.0, "macs": 3000, "most_macs": 2000, "message_bytes": 150,
        "num_messages": 3,
        "num_devices": 2, "survival": 0.9, "explanation": "by hand", **figures,
    }  # fmt: skip


def loss(devices: list[int], outcome: str, accuracy: float, device_of: list[int]) -> Json:
    """A row of the table of losses."""
    latency = None if outcome == "lost" else 0.05
    first = None if latency is None else 1.05
    return {
        "devices": devices, "outcome": outcome, "accuracy": accuracy, "latency_s": latency, "first_s": first,
        "moved_bytes": 0, "device_of": device_of,
    }  # fmt: skip


STAGES = [("plan", 1), ("teacher", 10), ("comparison", 1), ("requests", 1), ("failures", 1)]

STARTED: Json = {
    "stages": [{"name": name, "title": name.capitalize(), "num_steps": count} for name, count in STAGES],
    "contenders": [{"name": "chosen", "title": "Plan"}, {"name": "teacher", "title": "The teacher"}],
    "origin": 0, "sink": 0, "cloud": None, "classes": ["cat", "dog"],
}  # fmt: skip

FAILURES: Json = {
    "stage": "failures",
    "losses": [
        loss([], "unharmed", 0.9, [0, 1, 2]), loss([1], "degraded", 0.6, [0, -1, 2]), loss([2], "lost", 0.0, []),
    ],
    "num_sets": 3, "is_sample": False, "critical": [2],
    "curve": [
        {"num_lost": 0, "num_sets": 1, "mean_accuracy": 0.9, "least_accuracy": 0.9, "share_answered": 1.0},
        {"num_lost": 1, "num_sets": 2, "mean_accuracy": 0.3, "least_accuracy": 0.0, "share_answered": 0.5},
    ],
}  # fmt: skip

FILTERS: Json = {
    "stage": "students",
    "nodes": [
        {"filter": 0, "student": 0, "label": 1, "affinity": 0.8, "strength": 1.0},
        {"filter": 1, "student": 0, "label": 0, "affinity": 0.6, "strength": 0.5},
        {"filter": 2, "student": 1, "label": 0, "affinity": 0.7, "strength": 0.25},
        {"filter": 3, "student": None, "label": None, "affinity": 0.0, "strength": 0.0},
    ],
    "links": [[0, 1, 2.0], [1, 2, 1.0]],
    "num_links": 2,
    "students": [{"num_filters": 2, "affinity": [0.4, 0.6]}, {"num_filters": 1, "affinity": [0.7, 0.3]}],
    "cut": 0.33,
}  # fmt: skip

REQUESTS: Json = {
    "stage": "requests", "num_requests": 10, "num_seconds": 2.0, "percents": [0.0, 100.0], "seconds": [0.05, 0.2],
    "moments": [0.0, 2.0], "under_way": [1, 0],
    "resources": [
        {"name": "device:1", "busy": 0.9}, {"name": "link:device:0>server", "busy": 0.2},
        {"name": "link:device:0>server", "busy": 0.1},
    ],
}  # fmt: skip


EXITS: Json = {
    "stage": "exits", "policy": "entropy", "threshold": 0.3, "rates": [0.6, 0.4],
    "exits": [{"name": "exit0_head", "accuracy": 0.8}, {"name": "fc3", "accuracy": 0.95}],
    "curve": [
        {"threshold": 0.0, "accuracy": 0.95, "rates": [0.0, 1.0]},
        {"threshold": 0.5, "accuracy": 0.9, "rates": [0.75, 0.25]},
        {"threshold": 1.0, "accuracy": 0.8, "rates": [1.0, 0.0]},
    ],
}  # fmt: skip

WAYS: list[JsonValue] = [{"latency_s": 0.01, "energy_j": 6.0}, {"latency_s": 0.04, "energy_j": 4.0}]


def events_with_exits() -> list[Json]:
    """The end of the log of a run whose network has exits."""
    return [
        {"seq": place + 1, "kind": kind, "sim_time_s": None, "body": body}
        for place, (kind, body) in enumerate(
            [
                ("started", {**STARTED, "splitter": "early_exit"}),
                ("metrics", {"round": 2, "stage": "teacher", "values": {"accuracy": 0.92}}),
                ("exits", EXITS),
                ("plan", plan("chosen", [0, 1, 2], wires=[], ways=WAYS)),
            ]
        )
    ]


def events() -> list[Json]:
    """The log of a run from its start to its end."""
    told = [
        ("started", STARTED),
        ("plan", plan("teacher", [0, 0, 0])),
        ("plan", plan("chosen", [0, 1, 2], standby=[{"device": 1, "others": [3]}], wires=[])),
        ("metrics", {"round": 1, "stage": "plan", "values": {}}),
        ("metrics", {"round": 6, "stage": "teacher", "values": {"teacher_loss": 0.4}}),
        ("metrics", {"round": 11, "stage": "teacher", "values": {"teacher_accuracy": 0.95, "accuracy": 0.9}}),
        ("filters", FILTERS),
        ("contender", contender("teacher", role="teacher", accuracy=0.95, peak_memory_bytes=1600.0, most_macs=3000)),
        ("contender", contender("chosen")),
        ("metrics", {"round": 13, "stage": "requests", "values": {"latency_s": 0.05, "latency_p99_s": 0.2}}),
        ("requests", REQUESTS),
        ("metrics", {"round": 14, "stage": "failures", "values": {"worst_accuracy": 0.0}}),
        ("failures", FAILURES),
    ]
    return [
        {"seq": place + 1, "kind": kind, "sim_time_s": None, "body": body} for place, (kind, body) in enumerate(told)
    ]
