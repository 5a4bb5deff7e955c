"""Plans of one request in closed form and packet by packet, in the scenarios that real processes carry out."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.live import GOAL, Scenario, chosen, trial_of
from engine.costs.trace import Trace
from engine.inference.plans.courses import lay

SCENARIOS = [one for one in chosen(quick=True) if not one.loss]
RECORDED = Path(__file__).parents[3] / "docs" / "results" / "data" / "live.json"


def test_there_are_fourteen() -> None:
    assert len(SCENARIOS) == 14


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.title)
def test_the_closed_form_is_what_packets_take(scenario: Scenario) -> None:
    """Links of one device each: to 1 %. One channel for all, where packets of several messages mingle: to 8 %."""
    guard = trial_of(scenario, "loopback").guard
    closed = guard.latency_s(guard.at)
    trace = lay(guard.problem, guard.at, guard.cost_model.network).trace
    found = guard.cost_model.cost(Trace.concat([trace] * 5), method="monte_carlo", samples=1).round_s
    assert closed == pytest.approx(float(np.median(found)), rel=0.08 if scenario.one_room else 0.01)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.title)
def test_the_closed_form_is_what_real_processes_took(scenario: Scenario) -> None:
    """Against the medians on record."""
    rows = json.loads(RECORDED.read_text())["rows"]
    (median,) = [
        row["measured"]["median_s"] for row in rows if (row["title"], row["loss"]) == (scenario.title, scenario.loss)
    ]
    guard = trial_of(scenario, "loopback").guard
    assert guard.latency_s(guard.at) == pytest.approx(median, rel=GOAL)
