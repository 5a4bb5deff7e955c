"""One round of a run as its picture and tables show it: the state of every device, the bytes on every connection."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.usage import DOWN, UP, Usage, usage_of
from webapp.experiments import services
from webapp.experiments.models import Run
from webapp.recosting.memory import Memory
from webapp.topologies.events import round_events
from webapp.topologies.gathering import Gathering
from webapp.topologies.worlds import Place, place_of

MEMORY_BYTES = 16 * 2**20

TOOK_PART, DROPPED, AWAY, NOT_SAMPLED = "took part", "dropped", "away", "not sampled"
"""The states of devices in a round."""

_STATES = (NOT_SAMPLED, TOOK_PART, DROPPED, AWAY)
"""Numbers of the states."""

REASONS = {
    "battery": "battery empty",
    "diurnal": "by the time of day",
    "markov": "failed",
    "round_trace": "by its schedule",
}
"""Why devices are away, by what the log calls it; other kinds of availability stand by their name."""

MOST_REASONS = 10_000
"""Devices of a fleet for which a reason is kept each; larger ones are drawn by group anyway."""

Json = dict[str, Any]

_rounds: Memory[Json] = Memory(MEMORY_BYTES, lambda entry: 500 * (10 + len(entry["nodes"]) + len(entry["edges"])))


def round_of(run: Run, number: int) -> Json | None:
    """A round that has ended; None if there is no such round (yet).

    Returns:
        ``round``, ``num_rounds`` (so far), ``round_time_s``, ``counts`` of devices by state, ``slowest`` (id of the
        device that the round waited for), ``gathered`` (whether nodes stand for many devices), ``nodes`` and ``edges``.

        A node of one device: ``node``, ``device``, ``group``, ``state``, ``reason``, ``num_samples``, ``loss``,
        ``ready_s``; those that were not sampled are left out. One of many: ``node``, ``title``, ``count`` and the
        number of devices in each state. An edge: ``lower`` and ``upper`` (nodes), ``start`` and ``end`` in words,
        ``link``, bytes on the wire ``up_bytes`` and ``down_bytes``, and ``busy``, the greater share of the round that
        one of its connections is on air.

    Raises:
        SpecError: the run was made under an older schema.
    """
    try:
        found = _rounds.get((run.pk, number), lambda: _made(run, number))
    except _Missing:
        return None
    # A round is in the log a moment before the run's progress is.
    return {**found, "num_rounds": max(number, run.progress_done)}


class _Missing(Exception):
    """The log has no such round, so there is nothing to keep in memory."""


def _made(run: Run, number: int) -> Json:
    events = round_events(run, number)
    cohort = events.get("cohort")
    if cohort is None:
        raise _Missing
    place = place_of(run)
    time_s = float(events["metrics"]["values"].get("round_time_s") or 0.0) if "metrics" in events else 0.0
    usage = usage_of(_messages(run, cohort), place.network)
    states, reasons = _states(place.fleet.num_devices, cohort)
    table = events.get("clients", {"ids": []})
    nodes = _each(place, states, reasons, table) if place.gathering is None else _together(place.gathering, states)
    return {
        "round": number,
        "round_time_s": time_s,
        "counts": {name: int((states == code).sum()) for code, name in enumerate(_STATES)},
        "slowest": _slowest(table),
        "gathered": place.gathering is not None,
        "nodes": nodes,
        "edges": _edges(place, usage, time_s),
    }


def _messages(run: Run, cohort: Json) -> Trace:
    """The messages of a round: one down to each device that took part, one up from it."""
    clients = np.asarray(cohort["clients"], dtype=np.int64)
    down, up = cohort.get("message_bytes") or _message_bytes(run)
    builder = TraceBuilder()
    builder.next_round()
    if len(clients):
        builder.send(SERVER, clients, down, new_connection=True, phase="download")
        builder.send(clients, SERVER, up, new_connection=False)
    return builder.build()


def _message_bytes(run: Run) -> tuple[int, int]:
    """What an older log says once, before the first round."""
    started = services.events_after(run, 0, 1)
    facts = started[0]["body"] if started and started[0]["kind"] == "started" else {}
    return int(facts.get("message_bytes_down", 0)), int(facts.get("message_bytes_up", 0))


def _states(num_devices: int, cohort: Json) -> tuple[NDArray[np.int8], dict[int, str]]:
    """(N,) the state of each device, and the reason of those that were dropped or away."""
    states = np.zeros(num_devices, dtype=np.int8)
    reasons: dict[int, str] = {}
    for reason, ranges in (cohort.get("absent") or {}).items():
        for first, last in ranges:
            states[first : last + 1] = _STATES.index(AWAY)
            if num_devices <= MOST_REASONS:
                word = REASONS.get(reason, reason.replace("_", " "))
                reasons |= dict.fromkeys(range(first, last + 1), word)
    states[np.asarray(cohort["clients"], dtype=np.int64)] = _STATES.index(TOOK_PART)
    for entry in cohort["dropped"]:
        states[entry["id"]] = _STATES.index(DROPPED)
        reasons[entry["id"]] = entry["reason"]
    return states, reasons


def _slowest(table: Json) -> int | None:
    times = table.get("time_s") or []
    return int(table["ids"][int(np.argmax(times))]) if len(times) else None


def _each(place: Place, states: NDArray[np.int8], reasons: dict[int, str], table: Json) -> list[Json]:
    rows = {device: row for row, device in enumerate(table["ids"])}
    fleet = place.fleet

    def column(name: str, device: int) -> Any:
        values, row = table.get(name) or [], rows.get(device)
        return values[row] if row is not None and row < len(values) else None

    return [
        {
            "node": str(device),
            "device": device,
            "group": fleet.names[int(fleet.group_of[device])],
            "state": _STATES[states[device]],
            "reason": reasons.get(device, ""),
            "num_samples": column("num_samples", device),
            "loss": column("loss", device),
            "ready_s": column("time_s", device),
        }
        for device in np.flatnonzero(states).tolist()
    ]


def _together(gathering: Gathering, states: NDArray[np.int8]) -> list[Json]:
    counts = np.zeros((len(gathering.nodes), len(_STATES)), dtype=np.int64)
    np.add.at(counts, (gathering.of_device, states), 1)
    return [
        {
            "node": str(number),
            "title": node.title,
            "count": node.count,
            **{_key(name): int(counts[number, code]) for code, name in enumerate(_STATES)},
        }
        for number, node in enumerate(gathering.nodes)
        if node.group >= 0
    ]


def _key(state: str) -> str:
    return state.replace(" ", "_")


def _edges(place: Place, usage: Usage, time_s: float) -> list[Json]:
    """Bytes on each drawn connection, and how busy the busiest of those that it stands for was."""
    gathering = place.gathering
    lower, upper = (usage.lower, usage.upper) if gathering is None else map(gathering.place, (usage.lower, usage.upper))
    ends, place_of_crossing = _unique(lower, upper)
    sums = np.zeros((len(ends), 2))
    np.add.at(sums, (place_of_crossing, usage.way), usage.wire_bytes)
    busy = _busiest(usage, place_of_crossing, len(ends)) / time_s if time_s > 0 else np.zeros(len(ends))
    links: dict[int, set[int]] = {}
    for row, link in set(zip(place_of_crossing.tolist(), usage.link.tolist(), strict=True)):
        links.setdefault(row, set()).add(link)
    titles = [link.name for link in place.network.links]
    return [
        {
            "lower": str(low),
            "upper": str(high),
            "start": _word(place, low),
            "end": _word(place, high),
            "link": ", ".join(titles[link] for link in sorted(links[row])),
            "up_bytes": float(sums[row, UP]),
            "down_bytes": float(sums[row, DOWN]),
            "busy": float(busy[row]),
        }
        for row, (low, high) in enumerate(ends)
        if low != high
    ]


def _unique(lower: NDArray[np.int64], upper: NDArray[np.int64]) -> tuple[Sequence[tuple[int, int]], NDArray[np.int64]]:
    codes, place = np.unique(lower * 2**32 + (upper + 2**31), return_inverse=True)
    return [(int(code >> 32), int((code & (2**32 - 1)) - 2**31)) for code in codes], place


def _busiest(usage: Usage, row: NDArray[np.int64], num_rows: int) -> NDArray[np.float64]:
    """Seconds on air of the busiest channel of each row."""
    most = np.zeros(num_rows)
    lanes, lane = np.unique(usage.lane, return_inverse=True)
    totals = np.bincount(lane, weights=usage.air_s, minlength=len(lanes))
    np.maximum.at(most, row, totals[lane])
    return most


def _word(place: Place, node: int) -> str:
    if place.gathering is None:
        return place.network.label(node)
    return "server" if node == SERVER else place.gathering.nodes[node].title
