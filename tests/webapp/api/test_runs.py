"""Runs over REST: read, steered, followed, their curves and files."""

import hashlib
from typing import Any

import pytest
from django.test import AsyncClient

from tests.webapp.api.client import Api
from tests.webapp.api.conftest import Lab
from webapp.experiments.files import keep
from webapp.experiments.log import pack
from webapp.experiments.models import Artifact, EventBatch, Experiment, Run, RunState


def metrics(seq: int, step: int, accuracy: float) -> dict[str, Any]:
    """A metrics event as a worker writes it."""
    body = {"round": step, "values": {"accuracy": accuracy, "loss": 1.0 / (step + 1)}}
    return {"seq": seq, "kind": "metrics", "sim_time_s": float(step), "body": body}


@pytest.fixture
def told(run: Run) -> Run:
    """A run whose log holds 100 events in ten batches; the accuracy has one spike at round 50."""
    for first in range(1, 101, 10):
        events = [metrics(seq, seq - 1, 0.99 if seq == 51 else seq / 1000) for seq in range(first, first + 10)]
        EventBatch.objects.create(run=run, seq_first=first, seq_last=first + 9, data=pack(events))
    run.last_seq = 100
    run.state = RunState.DONE
    run.save()
    return run


def test_run_as_it_is_stored(lab: Lab, experiment: Experiment, run: Run) -> None:
    run.progress_done, run.progress_total, run.progress_unit = 3, 20, "rounds"
    shown = {"code": "data_unavailable", "message": "no file", "remedy": "get it", "log_tail": ["a", "b"]}
    run.failure = {**shown, "trace": "File x.py"}
    run.state = RunState.FAILED
    run.save()
    found = lab.by("viewer").get(f"/runs/{run.pk}")
    assert found["progress"] == {"done": 3, "total": 20, "unit": "rounds"}
    assert found["experiment"] == str(experiment.pk)
    assert found["cell"]["label"] == run.cell.label
    assert found["failure"] == shown
    assert "failure" not in lab.by("viewer").get("/runs")["items"][0]


def test_steering(lab: Lab, run: Run) -> None:
    api = lab.by("runner")
    api("POST", f"/experiments/{run.cell.experiment_id}/launch")
    assert api("POST", f"/runs/{run.pk}/pause").json()["state"] == "paused"
    assert api("POST", f"/runs/{run.pk}/resume").json()["state"] == "queued"
    cancelled = api("POST", f"/runs/{run.pk}/cancel").json()
    assert cancelled["state"] == "cancelled"
    assert [change["to_state"] for change in cancelled["transitions"]] == ["queued", "paused", "queued", "cancelled"]
    assert cancelled["transitions"][-1]["actor"] == "runner@example.org"
    again = api("POST", f"/runs/{run.pk}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_a_running_run_is_asked_to_stop(lab: Lab, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, attempt=1)
    found = lab.by("runner")("POST", f"/runs/{run.pk}/cancel").json()
    assert (found["state"], found["wanted"]) == ("running", "cancel")


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 7, 10, 33, 500])
def test_events_are_read_in_order_without_gaps(limit: int, lab: Lab, told: Run) -> None:
    after, seen = 0, []
    while True:
        page = lab.by("viewer").get(f"/runs/{told.pk}/events", after=after, limit=limit)
        assert (page["last_seq"], page["state"]) == (100, "done")
        if not page["items"]:
            break
        assert len(page["items"]) <= limit
        seen += [event["seq"] for event in page["items"]]
        after = seen[-1]
    assert seen == list(range(1, 101))


def test_event_as_the_socket_sends_it(lab: Lab, told: Run) -> None:
    event = lab.by("viewer").get(f"/runs/{told.pk}/events", after=50, limit=1)["items"][0]
    assert set(event) == {"seq", "kind", "at", "sim_time_s", "body"}
    assert (event["seq"], event["kind"], event["body"]["values"]["accuracy"]) == (51, "metrics", 0.99)
    assert event["at"].endswith("Z")


def test_curves(lab: Lab, told: Run) -> None:
    viewer = lab.by("viewer")
    every = viewer.get(f"/runs/{told.pk}/series", names="accuracy")
    assert every.keys() == {"accuracy"}
    assert (every["accuracy"]["mode"], len(every["accuracy"]["values"])) == ("raw", 100)
    thin = viewer.get(f"/runs/{told.pk}/series", names="accuracy,loss", points=7)
    assert thin.keys() == {"accuracy", "loss"}
    assert thin["accuracy"]["mode"] == "envelope"
    assert len(thin["accuracy"]["steps"]) <= 7
    assert max(thin["accuracy"]["maximum"]) == 0.99  # the one spike is kept
    assert min(thin["accuracy"]["minimum"]) == 0.001
    assert set(viewer.get(f"/runs/{told.pk}/series")) >= {"accuracy", "loss"}


def test_artifacts(lab: Lab, run: Run) -> None:
    data = b"\x00weights" * 100
    sha256 = keep(data)
    Artifact.objects.create(
        team=lab.team, run=run, sha256=sha256, name="model.safetensors", media_type="text/html", size_bytes=len(data),
        path=sha256,
    )  # fmt: skip
    viewer = lab.by("viewer")
    (listed,) = viewer.get(f"/runs/{run.pk}/artifacts")["items"]
    assert listed == viewer.get("/artifacts", run=str(run.pk))["items"][0]
    assert viewer.get("/artifacts", text="other")["items"] == []
    response = viewer("GET", f"/artifacts/{listed['sha256']}")
    assert hashlib.sha256(b"".join(response.streaming_content)).hexdigest() == sha256
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="model.safetensors"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert viewer("GET", f"/artifacts/{sha256}", headers={"If-None-Match": f'"{sha256}"'}).status_code == 304
    assert Api(token=lab.secrets["stranger"])("GET", f"/artifacts/{sha256}").status_code == 404
    assert viewer("GET", "/artifacts/..%2F..%2Fetc%2Fpasswd").status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_download_under_asgi_is_streamed(lab: Lab, run: Run) -> None:
    data = bytes(range(256)) * 3000  # three pieces
    sha256 = keep(data)
    await Artifact.objects.acreate(
        team=lab.team, run=run, sha256=sha256, name="größe.bin", media_type="x/y", size_bytes=len(data), path=sha256
    )
    headers = {"Authorization": f"Bearer {lab.secrets['viewer']}"}
    response: Any = await AsyncClient().get(f"/api/v1/artifacts/{sha256}", headers=headers)
    assert response.status_code == 200
    assert response["Content-Length"] == str(len(data))
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''gr%C3%B6%C3%9Fe.bin"
    assert b"".join([piece async for piece in response.streaming_content]) == data
