"""Rounds on batteries and by the clock: who drops out, who comes back, and where every joule went."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.events import Event
from engine.federated.rounds.opening import RAN_EMPTY
from engine.federated.rounds.power import DROPOUT, STANDBY
from engine.task.contract import State
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

COUNT = 6
DEVICE: dict[str, Any] = {
    "name": "mine", "conv_rate": 1e7, "ram_bytes": 1e9, "active_power_w": 5, "idle_power_w": 0.001,
}  # fmt: skip


def fleet_of(**group: Any) -> dict[str, Any]:
    """One group of equal devices."""
    return {"groups": [{"name": "field", "device": DEVICE, "count": COUNT} | group]}


def everyone(rounds: int) -> Any:
    """A task in which all take part in every round."""
    return task(rounds=rounds, sampler={"kind": "uniform", "num_clients": COUNT}, partition={"kind": "iid"})


def cohorts(events: list[Event]) -> list[int]:
    """Number of clients by round."""
    return [len(event.body["clients"]) for event in events if event.kind == "cohort"]


def dropped(events: list[Event]) -> list[list[str]]:
    """Reasons of those who dropped out, by round."""
    return [[one["reason"] for one in event.body["dropped"]] for event in events if event.kind == "cohort"]


@pytest.fixture
def each_j(tmp_path: Path) -> float:
    """Joules that the hungriest device spends in a round."""
    work = everyone(1)
    state, _ = run(work, context(tmp_path, fleet=fleet_of()))
    return float(work.ledger(state).values["energy_j"].sum(axis=1).max())


def phase_j(work: Any, state: State, phase: str) -> float:
    """Joules of a phase over all devices."""
    ledger = work.ledger(state)
    return float(ledger.values["energy_j"][:, ledger.phases.index(phase)].sum()) if phase in ledger.phases else 0.0


def test_batteries_that_last_change_nothing_but_the_books(tmp_path: Path) -> None:
    work = everyone(2)
    mains, _ = run(work, context(tmp_path, fleet=fleet_of()))
    charged, events = run(work, context(tmp_path, fleet=fleet_of(battery={"capacity_j": 1e9})))
    learned = {name: array for name, array in charged.tensors.items() if name.startswith("server/")}
    assert all(np.array_equal(array, mains.tensors[name]) for name, array in learned.items())
    assert work.ledger(charged).totals()["time_s"] == work.ledger(mains).totals()["time_s"]
    assert values_of(events, "empty_batteries") == [0, 0]
    assert all(0.999 < share < 1 for share in values_of(events, "mean_charge"))


@pytest.mark.slow
def test_who_runs_empty_drops_out_with_that_cause_and_no_joule_is_lost(tmp_path: Path, each_j: float) -> None:
    work, capacity = everyone(4), 2.5 * each_j
    state, events = run(work, context(tmp_path, fleet=fleet_of(battery={"capacity_j": capacity})))
    assert cohorts(events) == [COUNT, COUNT, 0, 0]
    assert dropped(events) == [[], [], [RAN_EMPTY] * COUNT, []]
    assert values_of(events, "empty_batteries") == [0, 0, COUNT, COUNT]
    assert work.ledger(state).totals()["energy_j"] == pytest.approx(COUNT * capacity)
    assert phase_j(work, state, DROPOUT) > 0
    shown = [row["phase"] for event in events if event.kind == "ledger" for row in event.body["rows"]]
    assert "upload" in shown


def test_the_harvest_brings_devices_back_and_time_passes_meanwhile(tmp_path: Path, each_j: float) -> None:
    battery = {"capacity_j": 2.5 * each_j, "harvest_w": 0.00105, "restart_charge": 0.8}
    work = everyone(5)
    state, events = run(work, context(tmp_path, fleet=fleet_of(battery=battery)))
    assert cohorts(events)[:3] == [COUNT, COUNT, 0]
    assert cohorts(events)[3] > 0
    starts = [event.sim_time_s for event in events if event.kind == "cohort"]
    # a twentieth of a milliwatt is left over after waiting; two rounds' worth must come in
    assert starts[3] - starts[2] == pytest.approx(2 * each_j / 0.00005, abs=3600)
    assert phase_j(work, state, STANDBY) > 0
    charge = state.tensors["battery/charge_j"].sum()
    elapsed, spent = (work.ledger(state).totals()[name] for name in ("time_s", "energy_j"))
    assert charge + spent == pytest.approx(COUNT * (2.5 * each_j + 0.00105 * elapsed), rel=1e-6)


@pytest.mark.slow
def test_a_resumed_run_on_batteries_has_the_same_bits(tmp_path: Path, each_j: float) -> None:
    fleet = fleet_of(battery={"capacity_j": 2.5 * each_j, "harvest_w": 0.002, "restart_charge": 0.8})
    assert_resumes_alike(everyone(5), lambda: context(tmp_path, fleet=fleet))


def test_only_part_of_the_fleet_may_run_empty(tmp_path: Path, each_j: float) -> None:
    groups = [
        {"name": "field", "device": DEVICE, "count": 2, "battery": {"capacity_j": 0.5 * each_j}},
        {"name": "mains", "device": DEVICE, "count": COUNT - 2},
    ]
    _, events = run(everyone(2), context(tmp_path, fleet={"groups": groups}))
    assert cohorts(events) == [COUNT - 2, COUNT - 2]
    assert dropped(events) == [[RAN_EMPTY] * 2, []]


def test_the_server_waits_until_the_clock_brings_somebody(tmp_path: Path) -> None:
    rule = {"kind": "trace", "patterns": ["1000-100000", "5000-100000"], "period_s": None}
    work = everyone(2)
    world = context(tmp_path, fleet=fleet_of(availability=rule))
    _, events = run(work, world)
    cohort = next(event for event in events if event.kind == "cohort")
    assert cohort.body["clients"] == [0, 2, 4]
    # asked again after 60, 90, 135, ... seconds: 60 (1.5^6 - 1) / 0.5
    assert cohort.sim_time_s == pytest.approx(60 * (1.5**6 - 1) / 0.5)
    trace = work.expected_trace(world)
    assert trace.num_rounds == 2
    assert trace["source"].max() == 4, "the estimate draws from those who will be there"


@pytest.mark.slow
def test_failures_by_the_clock_are_the_same_when_resumed(tmp_path: Path) -> None:
    fleet = fleet_of(availability={"kind": "markov", "clock": "time", "mean_up": 5, "mean_down": 5})
    _, events = assert_resumes_alike(everyone(3), lambda: context(tmp_path, fleet=fleet))
    assert 0 < np.mean(cohorts(events)) < COUNT
