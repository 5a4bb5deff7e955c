"""Rounds that do not wait for everybody, on digits: who drops out, what it costs, and that it resumes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.operators import OPERATOR_CLASSES
from engine.costs.work import Work
from engine.federated.rounds.traffic import profile_of
from tests.engine.federated.worlds import assert_resumes_alike, context, run, same_tensors, task, values_of

EVERYBODY = {"kind": "uniform", "num_clients": 12}
LOCAL = {"epochs": 3, "batch_size": 16, "lr": 0.1}


def bodies(events: list[Any], kind: str) -> list[dict[str, Any]]:
    """What the events of a kind say."""
    return [event.body for event in events if event.kind == kind]


def computed_s(samples: np.ndarray, steps: np.ndarray, tmp_path: Path) -> np.ndarray:
    """Seconds of training by hand: multiply-accumulates over rates, and for each step all parameters once."""
    world, work = context(tmp_path), Work.from_profile(profile_of(task()))
    device = world.fleet.kinds[0]
    a_sample = 0.0
    for operator, macs in work.macs.items():
        rate = device.rate(operator, "float")
        assert rate is not None
        a_sample += macs * device.training_passes(operator).value / rate.value
    a_step = work.parameter_count / world.fleet.rates("float")[0, OPERATOR_CLASSES.index("other")]
    return np.asarray(samples * a_sample + steps * a_step)


def whole_round(tmp_path: Path) -> tuple[dict[str, Any], np.ndarray]:
    """A round in which all take part, and how long each trains by hand."""
    _, events = run(task(sampler=EVERYBODY, local=LOCAL, rounds=1), context(tmp_path))
    (clients,) = bodies(events, "clients")
    samples = np.asarray(clients["num_samples"])
    return clients, computed_s(samples, -(-(samples // 3) // 16) * 3, tmp_path)


def test_who_is_late_by_hand(tmp_path: Path) -> None:
    """All have the same link and the same bytes, so that they differ by their training only."""
    clients, by_hand = whole_round(tmp_path)
    arrived, ids = np.asarray(clients["time_s"]), np.asarray(clients["ids"])
    assert arrived - arrived.min() == pytest.approx(by_hand - by_hand.min(), rel=1e-6, abs=1e-9)
    order = np.argsort(by_hand)
    deadline_s = float(arrived[order[6:8]].mean())
    work = task(sampler=EVERYBODY, local=LOCAL, rounds=1, scheduler={"kind": "deadline", "deadline_s": deadline_s})
    state, events = run(work, context(tmp_path))
    (cohort,) = bodies(events, "cohort")
    assert cohort["clients"] == sorted(ids[order[:7]].tolist())
    assert cohort["dropped"] == [{"id": client, "reason": "deadline"} for client in sorted(ids[order[7:]].tolist())]
    assert values_of(events, "time_s") == [deadline_s]
    # the model came down to all, and of the updates of those that are late a part at most has gone up
    size = 4 * 1210
    assert values_of(events, "bytes_down") == [12 * size]
    assert 7 * size < values_of(events, "bytes_up")[0] < 12 * size
    assert work.ledger(state).totals()["bytes_up"] == values_of(events, "bytes_up")[0]
    trained = [row for row in work.ledger(state).to_rows() if row["phase"] == "compute"]
    assert len(trained) == 12, "those that are late have trained as well"


def test_stragglers_do_part_of_their_work(tmp_path: Path) -> None:
    clients, by_hand = whole_round(tmp_path)
    slowest = int(np.argmax(by_hand))
    deadline_s = float(np.sort(np.asarray(clients["time_s"]))[8])
    scheduler = {"kind": "deadline", "deadline_s": deadline_s, "late": "partial"}
    _, events = run(task(sampler=EVERYBODY, local=LOCAL, rounds=1, scheduler=scheduler), context(tmp_path))
    (cohort,), (done,) = bodies(events, "cohort"), bodies(events, "clients")
    assert cohort["clients"] == list(range(12))
    assert (np.asarray(done["time_s"]) <= deadline_s).all()
    whole, part = clients["num_samples"][slowest], done["num_samples"][slowest]
    assert 0 < part < whole
    assert done["epochs"][slowest] == pytest.approx(3 * part / whole)
    assert (np.asarray(done["epochs"]) <= 3).all()
    # one more step would have been too much
    spare_s = deadline_s - np.asarray(done["time_s"])[slowest]
    assert spare_s < computed_s(np.array([16]), np.array([1]), tmp_path)[0] * 1.0001


def test_the_first_close_the_round(tmp_path: Path) -> None:
    clients, _ = whole_round(tmp_path)
    arrived = np.asarray(clients["time_s"])
    scheduler = {"kind": "synchronous", "enough": 0.5}
    _, events = run(task(sampler=EVERYBODY, local=LOCAL, rounds=1, scheduler=scheduler), context(tmp_path))
    (cohort,) = bodies(events, "cohort")
    assert cohort["clients"] == sorted(np.argsort(arrived, kind="stable")[:6].tolist())
    assert {entry["reason"] for entry in cohort["dropped"]} == {"not needed"}
    assert values_of(events, "time_s") == [pytest.approx(np.sort(arrived)[5])]


def test_a_deadline_that_all_meet_changes_nothing(tmp_path: Path) -> None:
    plain, _ = run(task(), context(tmp_path))
    relaxed, _ = run(task(scheduler={"kind": "deadline", "deadline_s": 3600.0}), context(tmp_path))
    assert same_tensors(plain, relaxed)


def test_nobody_in_time(tmp_path: Path) -> None:
    """Rounds pass, the model stays as it is, and the log says so."""
    work = task(scheduler={"kind": "deadline", "deadline_s": 1e-3})
    state, events = run(work, context(tmp_path))
    assert [len(body["clients"]) for body in bodies(events, "cohort")] == [0, 0]
    assert [body["message"] for body in bodies(events, "log") if body["level"] == "warning"] == [
        "round 1: no update arrived (5 deadline): nothing was learned",
        "round 2: no update arrived (5 deadline): nothing was learned",
    ]
    assert len(set(values_of(events, "accuracy"))) == 1
    assert values_of(events, "time_s") == [pytest.approx(1e-3), pytest.approx(2e-3)]
    assert work.ledger(state).totals()["energy_j"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deadline", "synchronous"])
def test_resumes_exactly(kind: str, tmp_path: Path) -> None:
    clients, _ = whole_round(tmp_path)
    middle = float(np.median(np.asarray(clients["time_s"])))
    scheduler = {"kind": kind, **({"enough": 0.7} if kind == "synchronous" else {"deadline_s": middle})}
    work = task(scheduler=scheduler, sampler=EVERYBODY, local={**LOCAL, "path": "per_client"})
    assert_resumes_alike(work, lambda: context(tmp_path))


LEAVING = {"kind": "markov", "mean_up": 2.0, "mean_down": 2.0, "clock": "time"}


@pytest.mark.slow
def test_devices_that_go_away_in_mid_round(tmp_path: Path) -> None:
    """A round takes a second and a half, and devices are there for two seconds on average."""
    fleet = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 12, "availability": LEAVING}]}
    work = task(rounds=4, sampler=EVERYBODY)
    state, events = run(work, context(tmp_path, fleet=fleet))
    cohorts = bodies(events, "cohort")
    reasons = {entry["reason"] for body in cohorts for entry in body["dropped"]}
    assert reasons == {"went away"}
    assert sum(len(body["clients"]) for body in cohorts) > 0
    for body in cohorts:
        away = {device for first, last in body["absent"].get("markov", []) for device in range(first, last + 1)}
        began = {*body["clients"], *(entry["id"] for entry in body["dropped"])}
        assert began == set(range(12)) - away, "who begins arrives or goes away"
    # what those spent who went away is booked: every model down, but no more updates than arrived
    size = 4 * 1210
    began_count = sum(len(body["clients"]) + len(body["dropped"]) for body in cohorts)
    assert values_of(events, "bytes_down")[-1] == began_count * size
    assert values_of(events, "bytes_up")[-1] >= sum(len(body["clients"]) for body in cohorts) * size
    trace = work.trace(state)
    assert world_energy(trace, tmp_path, fleet) == pytest.approx(values_of(events, "energy_j")[-1], rel=1e-9)


def world_energy(trace: Any, tmp_path: Path, fleet: dict[str, Any]) -> float:
    """Joules of a trace on that fleet."""
    return float(context(tmp_path, fleet=fleet).cost_model.cost(trace).ledger.totals()["energy_j"])


def test_estimates_know_the_deadline(tmp_path: Path) -> None:
    """The estimate drops whom the run would drop, with the mean number of samples."""
    scheduler = {"kind": "deadline", "deadline_s": 1e-3}
    trace = task(scheduler=scheduler, rounds=40).expected_trace(context(tmp_path))
    assert int(trace.repeats.sum()) == 40
    assert world_energy(trace, tmp_path, {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 12}]}) > 0
    assert len(trace.columns["kind"]) < 16 * 16, "nobody trains"
