"""Estimates of specs: small ones in the web process, large ones in a process of their own, so that pages go on."""

from collections.abc import Sequence
from typing import Any

import orjson
from django.conf import settings

from engine.core.allowance import NotForeseen
from engine.core.errors import EngineError, Problem, SpecError
from engine.costs.estimate import estimate
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.sweep import Cell
from engine.specs.text import digest, tree_of
from webapp.experiments.engine_process import TakesTooLong, answer_of, at_once


def estimates(spec: ExperimentSpec, grid: Sequence[Cell]) -> list[dict[str, Any]]:
    """Label, digest and expected figures of each cell.

    Raises:
        SpecError: there is too much to estimate within the time allowed.
    """
    if len(grid) * spec.fleet.num_devices > settings.ESTIMATE_AT_ONCE:
        return _elsewhere(spec)
    allowance = at_once()
    try:
        return [
            {
                "label": cell.label,
                "digest": digest(cell.spec),
                **estimate(cell.spec.task, make_context(cell.spec, cell.spec.seeds[0], allowance=allowance)).as_json(),
            }
            for cell in grid
        ]
    except NotForeseen:
        return _elsewhere(spec)


def _elsewhere(spec: ExperimentSpec) -> list[dict[str, Any]]:
    limit_s = settings.ESTIMATE_LIMIT_S
    try:
        found = answer_of(["estimate", "-", "--json"], limit_s=limit_s, given=orjson.dumps(tree_of(spec)))
    except TakesTooLong as error:
        message = (
            f"an estimate of {spec.fleet.num_devices:,} devices takes over {limit_s:g} s; estimate a smaller fleet, "
            "fewer settings or another placer, or use ./edgeloom estimate"
        )
        raise SpecError([Problem("fleet", "estimate_too_slow", message)]) from error
    except EngineError as error:
        raise SpecError([Problem("", error.code, str(error))]) from error
    cells: list[dict[str, Any]] = found["cells"]
    return cells
