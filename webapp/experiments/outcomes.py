"""What an experiment would cost, what came of it, and its text for another one."""

from typing import Any

from engine.runs.summary import joined, record_of
from engine.runs.summary import result_of as result_of_cell
from engine.specs.text import cells, parse
from webapp.datafree.fitting import fits_of
from webapp.experiments.engine_process import at_once
from webapp.experiments.estimating import estimates
from webapp.experiments.models import Cell, Experiment, Run, RunState
from webapp.experiments.submission import parsed
from webapp.teams.models import Team
from webapp.texts import byte_limit


def result_of(experiment: Experiment) -> dict[str, Any]:
    """The result of an experiment in the form of ``result.json``: of its one cell, or ``{"cells": [...]}``.

    Runs that have not ended are in it by state and seed; means are over those that are done.
    """
    found = experiment.cells.prefetch_related("runs").order_by("index")
    return joined([(cell.label, _result_of_cell(cell)) for cell in found])


def _result_of_cell(cell: Cell) -> dict[str, Any]:
    runs = sorted(cell.runs.all(), key=lambda run: run.seed)
    result = result_of_cell(cell.digest, [record(run) for run in runs])
    if any(run.state == RunState.DRAFT for run in runs):
        result["state"] = RunState.DRAFT.value
    return result


def record(run: Run) -> dict[str, Any]:
    """The record of one run, finished or not."""
    stored: dict[str, Any] | None = run.result
    return stored or record_of(run.seed, run.state, run.host_time_s, None)


def estimate(text: str | bytes, team: Team | None = None) -> dict[str, Any]:
    """What the runs of a spec would cost in simulated seconds, joules and bytes, without running or storing anything.

    Args:
        text: the spec.
        team: whose saved parts it may name.

    Raises:
        SpecError: all problems of the first stage that has any.
    """
    spec = parsed(team, text) if team else parse(text, max_bytes=byte_limit(text), allowance=at_once())
    found = cells(spec)
    return {
        "num_cells": len(found),
        "num_runs": len(found) * len(spec.seeds),
        "cells": [
            {**figures, **({"fits": rows} if (rows := fits_of(cell.spec)) else {})}
            for figures, cell in zip(estimates(spec, found), found, strict=True)
        ],
    }


def clone(experiment: Experiment) -> str:
    """The text from which a like experiment can be made."""
    return experiment.text
