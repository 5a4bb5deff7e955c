"""What the page of a distributed inference shows, whoever looks: a member, or somebody with a shared link."""

from collections.abc import Mapping
from typing import Any

from engine.core.errors import EngineError
from engine.network.drawing import MOST_DEVICES
from webapp.catalogue.quantities import digits, quantity, text
from webapp.experiments.boards import Kpi
from webapp.experiments.models import Run, RunState
from webapp.inference.board import CHOSEN, TEACHER, Board, Json, board_of
from webapp.inference.exits import awaits_exits, exits_of
from webapp.inference.filters import filters_of
from webapp.inference.planview import view_of
from webapp.inference.tables import awaited, compared, resources
from webapp.topologies.worlds import place_of

KIND = "inference"
"""Of tasks whose runs have this page."""

TEMPLATE, SCRIPT, RESULTS = "inference/_run.html", "webapp/js/inference.js", "inference/_results.html"

CHARTS = (
    (
        "losses",
        "Accuracy against lost devices",
        "Over every loss of so many devices of the plan that was tried; no answer counts as a wrong one.",
        "%",
        "Devices lost",
    ),
    (
        "exits",
        "Who answers, by threshold",
        "Share of the test samples that each exit answers, and of right answers of all of them together.",
        "%",
        "Threshold",
    ),
    (
        "saved",
        "What leaving early saves, by threshold",
        "Of what an inference takes that goes to the end, on the same plan; the mean over the test samples.",
        "%",
        "Threshold",
    ),
    ("waits", "How long answers take", "Share of the requests that were answered within so long.", "s", "Requests"),
    ("queue", "Requests under way", "Requests that have come and not been answered.", "", "Since the first request"),
    ("loss", "Loss while learning", "What the network and its students minimize, on the training samples.", "", "Step"),
)
"""The small charts: name, title, what they say, unit of y, title of x."""


def run_context(run: Run) -> dict[str, Any]:
    """Everything below the head of the page."""
    board = board_of(run)
    return {**results(run, board), "charts": CHARTS}


def page_data(board_context: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's script needs beside the series."""
    return {"reached": board_context["board"].reached}


def results(run: Run, board: Board | None = None) -> dict[str, Any]:
    """What changes while the run goes on: stages, key figures, plans, losses, exits, requests, filters."""
    board = board_of(run) if board is None else board
    view = _view(run, board)
    titles = {} if view is None else {number: row["title"] for number, row in view["places"]["devices"].items()}
    exits = exits_of(board)
    return {
        "board": board,
        "verdict": verdict(board),
        "recalled_share": (run.result or {}).get("costs", {}).get("share_recalled"),
        "kpis": kpis(board),
        "view": view,
        "plan_data": plan_data(board, {} if view is None else view["places"]),
        "plans_compared": compared(board),
        "awaited": awaited(board),
        "resources": resources(board, titles),
        "filters": filters_of(board),
        "exits": exits,
        "has_exits": exits is not None or awaits_exits(board),
        "critical": [titles.get(str(device), f"device {device}") for device in board.failures.get("critical") or ()],
        "is_waiting": run.state in {RunState.QUEUED, RunState.RUNNING, RunState.PAUSED, RunState.DRAFT},
    }


def plan_data(board: Board, places: Mapping[str, Any]) -> dict[str, Any]:
    """Plans, losses, exits and requests as the script draws them."""
    failures, exits = board.failures, exits_of(board)
    return {
        "places": places,
        "plans": board.plans,
        "titles": {name: board.title(name) for name in sorted(board.plans, key=lambda name: name != CHOSEN)},
        "accuracy": {name: row.get("accuracy") for name, row in board.contenders.items()},
        "failures": {name: failures[name] for name in ("losses", "curve", "num_sets", "is_sample") if name in failures},
        "exits": {} if exits is None else exits.curve,
        "requests": {name: board.requests[name] for name in ("percents", "seconds", "moments", "under_way")}
        if board.requests
        else {},
    }


def _view(run: Run, board: Board) -> dict[str, Any] | None:
    """The network that plans are drawn on; None under an older schema, or where it is too large to be drawn."""
    try:
        place = place_of(run)
    except EngineError:
        return None
    if place.fleet.num_devices > MOST_DEVICES:
        return None
    return view_of(place.fleet, place.topology, place.network, board.devices)


def kpis(board: Board) -> list[Kpi]:
    """Six figures: how good, how fast, how many, what energy and memory, what is left after losses."""
    row, values = board.contenders.get(CHOSEN, {}), board.values
    plan = board.plan or {}
    teacher = values.get("teacher_accuracy")
    beside = "" if teacher is None or board.facts.get("is_exact") else f"the teacher has {text(teacher, '%')}"
    most, joules = quantity(row.get("most_energy_j"), "J")
    num_lost = max((len(loss["devices"]) for loss in board.failures.get("losses", ())), default=0)
    worst = f"worst loss of up to {num_lost} device{'' if num_lost == 1 else 's'}" if num_lost else ""
    latency = values.get("latency_s", plan.get("latency_s"))
    p99 = values.get("latency_p99_s")
    return [
        _kpi("accuracy", "Test accuracy", values.get("accuracy"), "%", beside),
        _kpi("latency_s", "One answer takes", latency, "s", f"99th percentile {text(p99, 's')}" if p99 else ""),
        _kpi("sustained_rps", "Most answers", row.get("throughput_rps"), "1/s", "of a stream, by the plan"),
        _kpi("energy_j_per_inference", "Energy an answer", row.get("energy_j_per_inference"), "J",
             f"most on one device: {most} {joules}" if joules else ""),
        _kpi("peak_memory_bytes", "Memory of a device", row.get("peak_memory_bytes"), "B", "the most that one needs"),
        _kpi("worst_accuracy", "Least accuracy", values.get("worst_accuracy"), "%", worst),
    ]  # fmt: skip


def _kpi(name: str, title: str, value: float | None, unit: str, note: str) -> Kpi:
    number, symbol = quantity(value, unit)
    return Kpi(name, title, number, symbol, note if symbol else "")


def verdict(board: Board) -> str:
    """What came of it, in a sentence or two; empty before the plans are compared."""
    row = board.contenders.get(CHOSEN)
    if row is None:
        return ""
    count = int(row["num_devices"])
    devices = f"{count} device{'' if count == 1 else 's'}"
    begin = f"{text(row['accuracy'], '%')} in {text(row['latency_s'], 's')} on {devices}"
    return f"{begin}{_beside(row, board.contenders)}.{_after(board)}"


def _beside(row: Json, others: Mapping[str, Json]) -> str:
    """How the plan stands to the teacher on one device, else to the trivial plans."""
    teacher = others.get(TEACHER)
    if teacher is not None:
        pairs = (("peak_memory_bytes", "memory"), ("most_macs", "work"))
        told = [
            f"{digits(teacher[name] / row[name], 3)} times less {word}"
            for name, word in pairs
            if row.get(name) and teacher.get(name, 0) > row[name]
        ]
        return f", with {' and '.join(told)} on the busiest device than the teacher needs" if told else ""
    told = [
        f"{text(others[name]['latency_s'], 's')} {words}"
        for name, words in (("single_best", "on the best device"), ("all_cloud", "in the cloud"))
        if name in others
    ]
    return f"; all of it takes {' and '.join(told)}" if told else ""


def _after(board: Board) -> str:
    curve = board.failures.get("curve") or []
    if len(curve) < 2:
        return ""
    last = curve[-1]
    lost = "one device is" if last["num_lost"] == 1 else f"{last['num_lost']} devices are"
    if not last["share_answered"]:
        return f" When {lost} lost there is no answer."
    worst, mean = text(last["least_accuracy"], "%"), text(last["mean_accuracy"], "%")
    return f" When {lost} lost, {worst} at worst and {mean} on average."
