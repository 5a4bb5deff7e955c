"""What was expected of a cell before its runs began, kept with it to be held against what came of them."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from engine.core.allowance import Allowance, NotForeseen
from engine.core.errors import EngineError
from engine.core.json import plain
from engine.costs.estimate import estimate
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.sweep import Cell as SpecCell
from webapp.experiments.engine_process import at_once
from webapp.experiments.models import Cell

logger = logging.getLogger(__name__)

AT_SUBMIT_S = 1.0
"""How long a submission may take over estimates; the worker that begins with a cell makes what is left."""


def expected_of(spec: ExperimentSpec, allowance: Allowance | None = None) -> dict[str, Any] | None:
    """The estimate of one run of a spec without a sweep; None where the engine refuses it, as the run itself will.

    Args:
        spec: the cell.
        allowance: what may be computed for it; None also where that is not enough. By default all that it takes.
    """
    try:
        found = plain(estimate(spec.task, make_context(spec, spec.seeds[0], allowance=allowance)).as_json())
    except (EngineError, NotForeseen) as error:
        logger.info("no estimate: %s", error)
        return None
    assert isinstance(found, dict)
    return found


def expected_at_submit(grid: Sequence[SpecCell]) -> list[dict[str, Any] | None]:
    """The estimates of cells that are about to be stored; None for those that would keep the user waiting."""
    deadline, allowance = time.monotonic() + AT_SUBMIT_S, at_once()
    return [
        expected_of(cell.spec, allowance)
        if cell.spec.fleet.num_devices <= settings.ESTIMATE_AT_ONCE // 10 and time.monotonic() < deadline
        else None
        for cell in grid
    ]


def keep_expected(cell: Cell, spec: ExperimentSpec) -> None:
    """Estimate a cell that has no estimate yet, before its first run begins."""
    if cell.estimate is None:
        cell.estimate = expected_of(spec)
        Cell.objects.filter(pk=cell.pk, estimate__isnull=True).update(estimate=cell.estimate)
