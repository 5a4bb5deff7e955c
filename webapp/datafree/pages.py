"""What the page of a data-free run shows, whoever looks: a member, or somebody with a shared link."""

from collections.abc import Mapping
from typing import Any

from engine.core.errors import EngineError
from webapp.catalogue.quantities import MINUS, digits, quantity, text
from webapp.datafree.audits import attacks_of
from webapp.datafree.board import Board, board_of
from webapp.datafree.plot import plot_of
from webapp.datafree.tables import PRECISIONS, compared, fits_of, on_devices
from webapp.experiments.boards import Kpi
from webapp.experiments.models import Run, RunState
from webapp.library.drawing import draw, signs
from webapp.topologies.worlds import Place, place_of

KIND = "datafree"
"""Of tasks whose runs have this page."""

HOST_LATENCY = "host_latency_s "
"""Begins the name of the cost that says how long a file took on this host; the file's name follows."""

CHARTS = (
    ("terms", "Loss terms of the images", "What the synthesizer minimizes, each term as it enters the sum.", ""),
    (
        "sure",
        "What the teacher makes of them",
        "How sure it is of the images, and how often it and a network that never saw it find the wanted class.",
        "%",
    ),
    ("learning", "Accuracy while learning", "On the test set, while each model learns.", "%"),
    ("loss", "Loss of the student", "What the student minimizes on the images, term by term.", ""),
)
"""The small charts: name, title, what they say, unit."""


def run_context(run: Run) -> dict[str, Any]:
    """Everything below the head of the page."""
    board = board_of(run)
    return {
        **results(run, board),
        "charts": CHARTS,
        "sheets": _sheets(board),
        "fleet": _fleet(run),
        "given": board.facts.get("metadata"),
        "given_artifact": _files(run).get("metadata.safetensors"),
    }


def results(run: Run, board: Board | None = None) -> dict[str, Any]:
    """What changes as models are measured: stages, key figures, tables, plot, files, audit."""
    board = board_of(run) if board is None else board
    rows = compared(board)
    return {
        "board": board,
        "verdict": _verdict(board),
        "recalled_share": (run.result or {}).get("costs", {}).get("share_recalled"),
        "kpis": _kpis(run, board),
        "contenders": rows,
        "classes": [board.class_name(number) for number in range(_num_classes(board))],
        "on_devices": on_devices(board),
        "exports": _exports(run, board),
        "attacks": attacks_of(board.audit),
        "precisions": PRECISIONS,
        "plot": plot_of(board, _limits(run)),
        "is_waiting": run.state in {RunState.QUEUED, RunState.RUNNING, RunState.PAUSED, RunState.DRAFT},
    }


def page_data(run: Run, board_context: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's script needs beside the series."""
    board: Board = board_context["board"]
    return {
        "sheets": board_context["sheets"],
        "classes": list(board.facts.get("classes") or ()),
        "titles": {one["name"]: one["title"] for one in board.facts.get("contenders", ())},
        "reached": board.reached,
        "learning": {name: {"x": steps, "y": values} for name, (steps, values) in board.learning.items()},
    }


def _exports(run: Run, board: Board) -> list[dict[str, Any]]:
    """The checked files, with what they took on this host: that differs from run to run, so it is a cost, no event; and
    where they are fetched, once the run has left them behind.
    """
    costs, files = (run.result or {}).get("costs", {}), _files(run)
    return [
        {**row, "latency_s": costs.get(f"{HOST_LATENCY}{name}"), "artifact": files.get(name)}
        for name, row in board.exports.items()
    ]


def _files(run: Run) -> dict[str, Any]:
    """The id of each file that the run left behind, by the last part of its name."""
    return {str(name).rsplit("/", 1)[-1]: key for key, name in run.artifacts.values_list("pk", "name")}


def _sheets(board: Board) -> list[dict[str, Any]]:
    """The sheets of pictures with their captions."""
    wanted = ("seq", "name", "stage", "step", "caption", "labels", "columns", "tile")
    return [{name: sheet.get(name) for name in wanted} for sheet in board.sheets]


def _num_classes(board: Board) -> int:
    return max((len(row.get("recall") or ()) for row in board.contenders.values()), default=0)


def _place(run: Run) -> Place | None:
    try:
        return place_of(run)
    except EngineError:
        return None


def _fleet(run: Run) -> dict[str, Any] | None:
    place = _place(run)
    if place is None:
        return None
    drawing = None if place.gathering else draw(place.fleet, place.topology, place.network)
    return {"drawing": drawing, "signs": signs(place.fleet), "num_devices": place.fleet.num_devices}


def _limits(run: Run) -> list[tuple[str, int]]:
    """Title and flash of each kind of device of which it is known."""
    place = _place(run)
    if place is None:
        return []
    found = {kind.name: int(kind.flash_bytes.value) for kind in place.fleet.kinds if kind.flash_bytes is not None}
    return list(found.items())


def _kpis(run: Run, board: Board) -> list[Kpi]:
    """Six figures: how good, how far behind teacher and oracle, how small, where it fits, what shipping costs."""
    final, teacher, oracle = board.final or {}, board.contenders.get("teacher", {}), board.contenders.get("oracle", {})
    number, unit = quantity(final.get("accuracy"), "%")
    costs = (run.result or {}).get("costs", {})
    energy, joules = quantity(costs.get("energy_j"), "J")
    return [
        Kpi("final", "Test accuracy", number, unit, str(final.get("title", ""))),
        _behind("teacher", "Behind the teacher", final, teacher),
        _behind("oracle", "Behind the oracle", final, oracle),
        _size(board, final, teacher),
        _fitting(final),
        Kpi("energy_j", "Energy to deploy", energy, joules, "shipping and answers, simulated" if joules else ""),
    ]


def _verdict(board: Board) -> str:
    """What came of it, in a sentence; empty before the deployed model is measured."""
    final, teacher, oracle = board.final, board.contenders.get("teacher"), board.contenders.get("oracle")
    if final is None or final is teacher or final.get("accuracy") is None or teacher is None:
        return ""
    gaps = [(teacher, "its teacher")] + ([(oracle, "its oracle, which learned from the data itself")] if oracle else [])
    told = [f"{_gap_words(final, other)} {words}" for other, words in gaps if other.get("accuracy") is not None]
    ratio = float(teacher.get("num_parameters") or 0) / float(final.get("num_parameters") or 1)
    small = f", with {digits(ratio, 2)} times fewer parameters than the teacher" if ratio > 1 else ""
    return f"{final['title']}: {text(final['accuracy'], '%')}, {' and '.join(told)}{small}."


def _gap_words(final: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    gap = round(100 * (float(other["accuracy"]) - float(final["accuracy"])), 1)
    if gap == 0:
        return "level with"
    return f"{abs(gap):.1f} points {'behind' if gap > 0 else 'ahead of'}"


def _behind(name: str, title: str, final: Mapping[str, Any], other: Mapping[str, Any]) -> Kpi:
    if final.get("accuracy") is None or other.get("accuracy") is None or final.get("name") == other.get("name"):
        return Kpi(name, title, "–", "", "not part of this run" if final and not other else "")
    gap = 100 * (float(other["accuracy"]) - float(final["accuracy"]))
    words = f"{gap:.1f}".replace("-", MINUS)
    return Kpi(name, title, words, "point" if words == "1.0" else "points", f"it has {text(other['accuracy'], '%')}")


def _size(board: Board, final: Mapping[str, Any], teacher: Mapping[str, Any]) -> Kpi:
    sizes = final.get("bytes") or {}
    small = min((value for value in sizes.values() if value), default=None)
    files = [row for row in board.exports.values() if row.get("num_bytes")]
    smallest = min(files, key=lambda row: int(row["num_bytes"]), default=None)
    number, unit = quantity(smallest["num_bytes"] if smallest else small, "B")
    if not unit:
        return Kpi("size", "Smallest form", number, "", "")
    whole = (teacher.get("bytes") or {}).get("fp32")
    have = float(smallest["num_bytes"] if smallest else small or 1)
    ratio = f"{whole / have:.1f} times smaller than the teacher" if whole else ""
    return Kpi("size", "Smallest form", number, unit, ratio or "weights alone")


def _fitting(final: Mapping[str, Any]) -> Kpi:
    devices = final.get("devices") or ()
    verdicts = [fits_of(device) for device in devices]
    if not any(verdicts):
        return Kpi("fits", "Fits", "–", "", "")
    fitting = sum(any(fit.fits for fit in fits) for fits in verdicts)
    best = [next((fit.precision for fit in fits if fit.fits), "") for fits in verdicts]
    forms = ", ".join(dict.fromkeys(filter(None, best)))
    unit = "group" if len(devices) == 1 else "groups"
    return Kpi("fits", "Fits", f"{fitting} of {len(devices)}", unit, f"as {forms}" if forms else "in no precision")
