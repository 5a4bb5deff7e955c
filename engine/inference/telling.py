"""What events tell of plans and of a stream of requests, as pages draw it."""

from typing import Any

import numpy as np

from engine.core.json import JsonValue
from engine.inference.cuts.pieces import Pieces
from engine.inference.plans.comparison import finite
from engine.inference.plans.planning import CHOSEN, TEACHER, Planning
from engine.inference.requests.queueing import Stream

PERCENTS = (*range(0, 100, 5), 99.0, 99.9, 100.0)
"""Percentages of requests of which it is told within how many seconds they were answered."""

MOMENTS = 120
"""Moments at which the requests are counted that are under way."""

MOST_RESOURCES = 12
"""Devices and links that are told of, the busiest first."""


def told_plan(planning: Planning, name: str) -> dict[str, JsonValue]:
    """A plan as its event carries it.

    Args:
        planning: with the plans.
        name: of the plan.

    Returns:
        What :meth:`Plan.as_json` has, with ``name``; ``macs`` of each stage where the plan is one of the pieces that
        are carried out, and for the chosen plan ``standby`` (device, others) and ``wires``: of every message between
        pieces its content, the numbers of both pieces and its bytes, from which follows what travels when pieces lie
        elsewhere; with early exits also ``ways``: by exit the latency and energy of an inference that leaves there.
    """
    plan = planning.plans[name]
    told: dict[str, Any] = {**plan.as_json(), "name": name, "throughput_rps": finite(plan.throughput_rps)}
    if name == TEACHER:
        return told
    problem = planning.problem
    for piece, stage in enumerate(told["stages"]):
        work = problem.pieces.pieces[piece].work
        stage["macs"] = sum(count for operator, count in work.macs.items() if operator != "other")
    if name == CHOSEN:
        nodes = problem.prices.nodes
        told["standby"] = [
            {"device": nodes[node], "others": [nodes[other] for other in others]}
            for node, others in planning.standby.items()
        ]
        told["wires"] = wires_of(problem.pieces)
        if problem.pieces.exit_rates:
            told["ways"] = [{"latency_s": way.seconds, "energy_j": way.energy_j} for way in planning.ways]
    return told


def wires_of(pieces: Pieces) -> list[dict[str, JsonValue]]:
    """Every message between pieces, whether it travels or not: its pieces by their number, the source as -1, and the
    sink as the number after the last one.
    """
    return [
        {"content": message.part.name, "source": source, "target": target, "num_bytes": message.num_bytes}
        for message, (source, target) in zip(pieces.messages, pieces.ends, strict=True)
    ]


def told_stream(stream: Stream, resources: tuple[str, ...]) -> dict[str, JsonValue]:
    """A stream of requests as its event carries it.

    Args:
        stream: what became of the requests.
        resources: names of devices and links.

    Returns:
        ``num_requests``, ``num_seconds`` from the first request to the last answer, ``percents`` with ``seconds``
        within which so many were answered, ``moments`` with ``under_way``: how many requests were there then without
        their answer; ``resources`` (name, busy: share of the time), the busiest first.
    """
    start, end = float(stream.arrival_s[0]), float(stream.end_s.max())
    moments, ended = np.linspace(start, end, MOMENTS), np.sort(stream.end_s)
    under_way = np.searchsorted(stream.arrival_s, moments, "right") - np.searchsorted(ended, moments, "right")
    busy = sorted(zip(stream.utilization.tolist(), resources, strict=True), key=lambda one: (-one[0], one[1]))
    return {
        "num_requests": len(stream.end_s),
        "num_seconds": end - start,
        "percents": [float(percent) for percent in PERCENTS],
        "seconds": np.percentile(stream.latency_s, PERCENTS).tolist(),
        "moments": (moments - start).tolist(),
        "under_way": under_way.tolist(),
        "resources": [{"name": name, "busy": share} for share, name in busy[:MOST_RESOURCES]],
    }
