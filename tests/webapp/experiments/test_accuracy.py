"""Estimates are kept before runs begin and held against what came of them, with errors worked out by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from engine.runs.summary import record_of
from engine.task.context import Summary
from tests.webapp.api.client import Api
from tests.webapp.people import People
from tests.webapp.rows import TEXT, make_run
from webapp.experiments import accuracy, expectations, services
from webapp.experiments.models import Cell, Experiment, Run, RunState
from webapp.teams.tokens import issue_token
from workers.driver import drive

SignIn = Callable[[str], Client]


def stated(low: float, expected: float, high: float) -> dict[str, float]:
    return {"low": low, "expected": expected, "high": high}


ESTIMATE: dict[str, Any] = {"totals": {"time_s": stated(80, 110, 150), "bytes_up": stated(1000, 1000, 1000)}}
ESTIMATE["host_s"] = 3.0


def record(actual_s: float) -> dict[str, Any]:
    """What is kept of a run that took so long."""
    summary = Summary(metrics={}, reason="all_rounds", costs={"time_s": actual_s, "bytes_up": 1000.0})
    return record_of(0, "done", 1.0, summary)


def done(people: People, actual_s: float, cpu_s: float | None = 2.0, **fields: Any) -> Run:
    """A finished run that was expected to take 110 s and 3 s of this host."""
    run = make_run(people.team, RunState.DONE, result=record(actual_s), host_cpu_s=cpu_s, **fields)
    Run.objects.filter(pk=run.pk).update(finished_at=timezone.now())
    Cell.objects.filter(pk=run.cell.pk).update(estimate=ESTIMATE)
    run.cell.refresh_from_db()
    return run


def test_a_submission_keeps_its_estimates(people: People) -> None:
    text = TEXT + "sweep: {task.rounds: [2, 4]}\n"
    experiment = services.submit(people.team, people["runner"], text)
    two, four = experiment.cells.order_by("index")
    asked = services.estimate(text)["cells"]
    assert two.estimate["totals"] == asked[0]["totals"]
    assert four.estimate["num_rounds"] == 2 * two.estimate["num_rounds"] == 4


@pytest.mark.django_db(transaction=True)
def test_the_worker_estimates_what_the_submission_left(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations, "AT_SUBMIT_S", -1.0)
    experiment = services.submit(people.team, people["runner"], TEXT, launch=True)
    assert experiment.cells.get().estimate is None
    run = Run.objects.get()
    drive(run.pk, job_id="job", owner="w")
    run = Run.objects.select_related("cell").get()
    assert run.state == RunState.DONE
    assert run.cell.estimate["num_rounds"] == 3
    assert 0 < run.host_cpu_s < 60
    rows = {row.name: row for row in accuracy.of_run(run)}
    # Bytes follow from the task alone, so they are exact.
    assert rows["bytes_up"].error == pytest.approx(0, abs=1e-9)
    assert rows["time_s"].is_inside


def test_errors_are_shares_of_the_actual_figure(people: People) -> None:
    run = done(people, 100.0)
    rows = {row.name: row for row in accuracy.of_run(run)}
    assert rows["time_s"].error == pytest.approx(0.10)
    assert rows["time_s"].is_inside is True
    assert rows["host_cpu_s"].error == pytest.approx(0.50)
    assert rows["host_cpu_s"].is_inside is None
    assert rows["bytes_up"].error == 0
    assert "energy_j" not in rows  # nothing was expected of it
    run.state = RunState.RUNNING
    assert all(row.actual is None and row.error is None for row in accuracy.of_run(run))


def test_the_running_error_is_over_runs_that_were_computed(people: People) -> None:
    first = done(people, 100.0)  # off by +10 %
    done(people, 88.0)  # +25 %
    done(people, 200.0, None)  # -45 %, outside its range; no CPU time known
    done(people, 1.0, reused_from=first)  # taken over: says nothing new
    make_run(people.team, RunState.DONE, result=record(1.0))  # without an estimate
    found = {row.name: row for row in accuracy.accuracy()}
    time = found["time_s"]
    assert (time.num_runs, found["host_cpu_s"].num_runs, found["energy_j"].num_runs) == (3, 2, 0)
    assert time.median == pytest.approx(0.25)
    assert time.bias == pytest.approx(0.10)
    # The linear 0.9 quantile of 0.10, 0.25, 0.45.
    assert time.p90 == pytest.approx(0.25 + 0.8 * 0.20)
    assert time.share_inside == pytest.approx(2 / 3)
    assert found["host_cpu_s"].share_inside is None
    assert found["energy_j"].median is None


def test_pages_and_rest_show_estimate_and_actual(people: People, client_of: SignIn) -> None:
    run = done(people, 100.0)
    client = client_of("viewer")
    html = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Estimate and actual" in html
    assert "+10.0\u202f%" in html
    html = client.get(f"/experiments/{run.cell.experiment_id}/").content.decode()
    assert "Estimate and actual" in html
    assert "+50.0\u202f%" in html
    html = client.get("/system/").content.decode()
    assert "How far off our estimates are" in html
    assert "no range stated" in html
    assert "How far off" not in client.get("/system/?part=status").content.decode()
    _, token = issue_token(people["viewer"], people.team, "reads", scopes=["read"])
    api = Api(token=token)
    figures = {row["name"]: row for row in api.get("/system/estimates")["figures"]}
    assert figures["time_s"]["median"] == pytest.approx(0.10)
    assert figures["energy_j"] == {**figures["energy_j"], "num_runs": 0, "median": None}
    shown = api.get(f"/runs/{run.pk}")
    assert (shown["estimate"]["host_s"], shown["host_cpu_s"]) == (3.0, 2.0)


def test_an_experiment_without_estimates_shows_none(people: People, client_of: SignIn) -> None:
    run = make_run(people.team, RunState.DONE, result=record(1.0))
    client = client_of("viewer")
    assert Experiment.objects.count() == 1
    for path in (f"/runs/{run.pk}/", f"/experiments/{run.cell.experiment_id}/"):
        assert "Estimate and actual" not in client.get(path).content.decode()
