"""What the panels of an experiment and of a run show, whoever looks: a member, or somebody with a shared link."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.errors import EngineError
from engine.specs.writer import write
from webapp.datafree import pages as datafree
from webapp.datafree.beside import beside
from webapp.experiments import accuracy, boards, services
from webapp.experiments.answers import answer_of, main_metric
from webapp.experiments.methods import adversaries_of, methods_of
from webapp.experiments.models import Experiment, Run, RunState
from webapp.experiments.tracks import TRACKS
from webapp.inference import pages as inference
from webapp.inference.beside import beside as plans_beside
from webapp.texts import tree_of
from webapp.topologies.worlds import place_of

PLAIN = "federated"
BODIES = {
    PLAIN: {"template": "experiments/_run_federated.html", "script": "webapp/js/run.js"},
    datafree.KIND: {"template": "datafree/_run.html", "script": "webapp/js/datafree.js"},
    inference.KIND: {"template": inference.TEMPLATE, "script": inference.SCRIPT},
}
"""What stands below the head of a run's page, by the kind of its task."""
FEW_RUNS = 24
"""Experiments of more runs send shorter series to the page."""
TAIL = 1200
"""A run's page begins with this many of the newest events; older rounds keep their points in the curves."""
LOG_LINES = 60


def matrix(experiment: Experiment) -> dict[str, Any]:
    """The state of an experiment, its answer, its figures and its runs by setting and seed."""
    seeds, rows = boards.rows_of(experiment)
    runs = [run for row in rows for run in row.runs if run is not None]
    counts = boards.counts_of(runs)
    state = boards.state_of(counts)
    num_done = counts.get(RunState.DONE, 0)
    best = _leader(rows)
    return {
        "experiment": experiment,
        "seeds": seeds,
        "rows": rows,
        "counts": counts,
        "state": state,
        "state_label": RunState(state).label,
        "num_runs": len(runs),
        "num_done": num_done,
        "share_done": sum(_share(run) for run in runs),
        "is_live": bool(counts.get(RunState.RUNNING) or counts.get(RunState.QUEUED)),
        "answers": answer_of([(row.label, row.result) for row in rows], num_done, len(runs)),
        "best": best,
        "kpis": boards.kpis_of_result(best.result if best else {}, boards.facts_of(kind_of_text(experiment.text))),
        "recalled_share": (best.result if best else {}).get("costs", {}).get("share_recalled"),
    }


def curves(experiment: Experiment, query: Mapping[str, str]) -> dict[str, Any]:
    """The curves of an experiment, its network and what differs between its settings.

    Args:
        experiment: which one.
        query: the chosen axes, ``x`` and ``y``.
    """
    _, rows = boards.rows_of(experiment)
    paths, values = boards.differences(rows)
    kind = kind_of_text(experiment.text)
    labeled = [(row.label, row.runs) for row in rows]
    more = beside(labeled) if kind == datafree.KIND else plans_beside(labeled) if kind == inference.KIND else {}
    return {
        **more,
        "page_data": {"experiment": str(experiment.pk), **series(experiment)},
        "paths": paths,
        "differences": values,
        "picture": boards.picture_of(rows[0].cell.document) if rows else None,
        "estimated": [
            {"label": row.label, "figures": figures}
            for row in rows
            if (figures := accuracy.of_cell(row.cell, row.runs))
        ],
        **_axes(query, kind),
    }


def series(experiment: Experiment) -> dict[str, Any]:
    """The series of all runs of an experiment, as its page draws them."""
    _, rows = boards.rows_of(experiment)
    total = sum(len(row.runs) for row in rows)
    points = 400 if total <= FEW_RUNS else 60
    return {
        "cells": [
            {
                "label": row.label,
                "color": row.color,
                "runs": [
                    {
                        "id": str(run.pk),
                        "seed": run.seed,
                        "state": run.state,
                        "last_seq": run.last_seq,
                        "series": boards.series_of(run, points),
                    }
                    for run in row.runs
                    if run is not None
                ],
            }
            for row in rows
        ]
    }


def run_head(run: Run) -> dict[str, Any]:
    """The state of a run and how far it has come."""
    return {
        "run": run,
        "experiment": run.cell.experiment,
        "progress": run.progress_done / run.progress_total if run.progress_total else 0.0,
        "left_s": _left_s(run),
        "num_helpers": run.shards.exclude(lease_owner="").count() if run.state == RunState.RUNNING else 0,
    }


def run_body(run: Run, query: Mapping[str, str]) -> dict[str, Any]:
    """The figures, network, curves and log of a run.

    Args:
        run: which one.
        query: the chosen axes, ``x`` and ``y``.
    """
    after = max(0, run.last_seq - TAIL)
    started = services.events_after(run, 0, 1)
    known = boards.series_of(run, 600)
    kind = kind_of(run)
    data = {
        "run": str(run.pk),
        "after": after,
        "state": run.state,
        "series": known,
        "groups": _groups(run),
        "facts": started[0]["body"] if started and started[0]["kind"] == "started" else {},
        "seed": run.seed,
        "tracks": [track.as_json() for track in TRACKS],
    }
    found = {
        "page_data": data,
        "kpis": boards.kpis_of_run(run, boards.last_values(run)),
        "result": run.result or {},
        "recalled_share": (run.result or {}).get("costs", {}).get("share_recalled"),
        "spec": write({**tree_of(run.cell.text), "seeds": [run.seed]}),
        "log": _log(run, after),
        "methods": methods_of(run),
        "tracks": [(track, track.has(known)) for track in TRACKS],
        "heats": boards.HEATS,
        "adversaries": adversaries_of(data["facts"].get("attack")),
        **_axes(query, kind),
        "body": BODIES[kind],
    }
    if kind == datafree.KIND:
        # The server has folded the whole log, pictures too: nothing of it is sent again.
        data["after"] = run.last_seq
        found |= datafree.run_context(run)
        data |= datafree.page_data(run, found)
    if kind == inference.KIND:
        data["after"] = run.last_seq
        found |= inference.run_context(run)
        data |= inference.page_data(found)
    return found


def results(run: Run) -> tuple[str, dict[str, Any]]:
    """The template of what a run's page asks for again as results come, and what it shows."""
    if kind_of(run) == inference.KIND:
        return inference.RESULTS, inference.results(run)
    return "datafree/_results.html", datafree.results(run)


def kind_of(run: Run) -> str:
    """The kind of a run's task."""
    return kind_of_text(run.cell.text)


def kind_of_text(text: str) -> str:
    """The kind of the task of a stored spec; of those without pages of their own, the plain one."""
    task = tree_of(text).get("task")
    kind = str(task.get("kind", "")) if isinstance(task, dict) else ""
    return kind if kind in BODIES else PLAIN


def _groups(run: Run) -> list[dict[str, Any]]:
    """The groups of the run's devices; none if it was made under an older schema."""
    try:
        place = place_of(run)
    except EngineError:
        return []
    return boards.groups_of(place.fleet, place.network)


def _axes(query: Mapping[str, str], kind: str) -> dict[str, Any]:
    xs, ys = boards.axes_of(kind)
    return {"xs": xs, "ys": ys, "x": query.get("x", xs[0][0]), "y": query.get("y", ys[0][0])}


def _log(run: Run, after: int) -> list[dict[str, Any]]:
    frames = services.events_after(run, after, TAIL)
    return [frame for frame in reversed(frames) if frame["kind"] in {"log", "started", "finished"}][:LOG_LINES]


def _leader(rows: Sequence[boards.Row]) -> boards.Row | None:
    metric = main_metric([row.result for row in rows])
    known = [(row.result["metrics"][metric]["mean"], row) for row in rows if metric and metric in row.result["metrics"]]
    known = [(mean, row) for mean, row in known if mean is not None]
    return max(known, key=lambda pair: pair[0])[1] if known else (rows[0] if rows else None)


def _share(run: Run) -> float:
    if run.is_final:
        return 1.0
    return run.progress_done / run.progress_total if run.progress_total else 0.0


def _left_s(run: Run) -> float | None:
    """Work left on this host, from the work so far; None before there is any."""
    if run.state != RunState.RUNNING or not run.progress_done or not run.progress_total:
        return None
    return run.host_time_s * (run.progress_total - run.progress_done) / run.progress_done
