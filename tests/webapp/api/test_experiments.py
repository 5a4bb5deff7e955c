"""Experiments over REST: submitted, launched, cloned, read, deleted."""

from collections.abc import Callable

import pytest

from engine.runs.summary import record_of
from engine.specs.text import load
from engine.specs.writer import write
from engine.task.context import Summary
from tests.webapp.api.client import codes
from tests.webapp.api.conftest import SPEC, Lab
from webapp.experiments.models import Experiment, Run, RunState
from webapp.library.models import Fleet


def test_submission(lab: Lab) -> None:
    response = lab.by("runner")("POST", "/experiments", SPEC)
    made = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"/api/v1/experiments/{made['id']}"
    assert (made["name"], made["team"], made["launched_at"]) == ("Two strategies on digits", "lab", None)
    assert made["spec"] == load(made["text"])
    assert made["runs"] == {**dict.fromkeys(RunState.values, 0), "draft": 4}
    assert [cell["overrides"]["task.strategy"]["kind"] for cell in made["cells"]] == ["fedavg", "fedmax"]
    assert [run["seed"] for run in made["cells"][0]["runs"]] == [0, 1]
    assert made["cells"][0]["digest"] != made["cells"][1]["digest"]
    assert lab.by("viewer").get(f"/experiments/{made['id']}") == made


def test_submission_as_json_is_the_same_experiment(lab: Lab) -> None:
    api = lab.by("runner")
    digests = [
        [cell["digest"] for cell in api("POST", "/experiments", body).json()["cells"]] for body in (SPEC, load(SPEC))
    ]
    assert digests[0] == digests[1]


def test_what_is_read_can_be_submitted_again(lab: Lab, experiment: Experiment) -> None:
    api = lab.by("runner")
    found = api.get(f"/experiments/{experiment.pk}")
    again = api("POST", "/experiments", found["text"], query={"parent": str(experiment.pk)}).json()
    assert again["parent"] == str(experiment.pk)
    assert [cell["digest"] for cell in again["cells"]] == [cell["digest"] for cell in found["cells"]]


def test_saved_parts_are_taken_over_by_value(lab: Lab) -> None:
    groups = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 10}]}
    fleet = Fleet.objects.create(team=lab.team, name="F", body=groups)
    foreign = Fleet.objects.create(team=lab.elsewhere, name="F", body=groups)
    line = next(line for line in SPEC.splitlines() if line.startswith("fleet"))
    api = lab.by("runner")
    made = api("POST", "/experiments", SPEC.replace(line, f"fleet: {{saved: {fleet.pk}}}"))
    assert made.json()["spec"]["fleet"]["groups"][0]["name"] == "boards"
    assert str(fleet.pk) not in made.json()["text"]
    refused = api("POST", "/experiments", SPEC.replace(line, f"fleet: {{saved: {foreign.pk}}}"))
    assert refused.status_code == 422
    assert any(path.startswith("fleet") for path in codes(refused))


def test_launch(lab: Lab, experiment: Experiment) -> None:
    launched = lab.by("runner")("POST", f"/experiments/{experiment.pk}/launch").json()
    assert launched["launched_at"] is not None
    assert launched["runs"]["queued"] == 4
    again = lab.by("runner")("POST", f"/experiments/{experiment.pk}/launch")
    assert (again.status_code, again.json()["launched_at"]) == (200, launched["launched_at"])


def test_launch_with_submission(lab: Lab) -> None:
    made = lab.by("runner")("POST", "/experiments", SPEC, query={"launch": "true"}).json()
    assert made["runs"]["queued"] == 4


def test_result_before_the_end_says_so(lab: Lab, experiment: Experiment) -> None:
    result = lab.by("viewer").get(f"/experiments/{experiment.pk}/result")
    assert [cell["state"] for cell in result["cells"]] == ["draft", "draft"]


def test_deletion_takes_the_runs_along(lab: Lab, experiment: Experiment, submit: Callable[..., Experiment]) -> None:
    other = submit()
    assert lab.by("editor")("DELETE", f"/experiments/{experiment.pk}").status_code == 204
    assert set(Run.objects.values_list("cell__experiment", flat=True)) == {other.pk}


def test_a_running_experiment_is_not_deleted(lab: Lab, experiment: Experiment) -> None:
    Run.objects.filter(cell__experiment=experiment, seed=0).update(state=RunState.RUNNING)
    response = lab.by("editor")("DELETE", f"/experiments/{experiment.pk}")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "remedy" in response.json()


def test_estimate_stores_nothing(lab: Lab) -> None:
    response = lab.by("viewer")("POST", "/estimates", SPEC)
    estimate = response.json()
    assert response.status_code == 200
    assert (estimate["num_runs"], estimate["num_cells"]) == (4, 2)
    assert not Experiment.objects.exists()


def test_result_of_finished_runs(lab: Lab, submit: Callable[..., Experiment]) -> None:
    tree = load(SPEC)
    del tree["sweep"]
    experiment = submit(write(tree))
    for seed, accuracy in enumerate((0.8, 0.9)):
        summary = Summary(metrics={"accuracy": accuracy}, reason="all_rounds", costs={"time_s": 10.0 + seed})
        result = record_of(seed, "done", 2.0, summary)
        Run.objects.filter(cell__experiment=experiment, seed=seed).update(state=RunState.DONE, result=result)
    found = lab.by("viewer").get(f"/experiments/{experiment.pk}/result")
    accuracy = found["metrics"]["accuracy"]
    assert (found["state"], found["seeds"], accuracy["values"]) == ("done", [0, 1], [0.8, 0.9])
    assert accuracy["mean"] == pytest.approx(0.85)
    # Student's t with one degree of freedom has its 97.5 % quantile at 12.706; std / sqrt(2) is 0.05.
    assert accuracy["ci95"] == pytest.approx([0.85 - 12.706 * 0.05, 0.85 + 12.706 * 0.05], abs=1e-4)
    assert found["costs"]["time_s"] == pytest.approx(10.5)


def test_estimate_of_each_cell(lab: Lab) -> None:
    estimate = lab.by("viewer")("POST", "/estimates", SPEC).json()
    for cell in estimate["cells"]:
        assert cell["num_rounds"] == 2
        for quantity in ("time_s", "energy_j", "bytes_up", "bytes_down"):
            found = cell["totals"][quantity]
            assert 0 < found["low"] <= found["expected"] <= found["high"]
