"""Models by REST: listed, uploaded in parts, refused with every problem, downloaded, deleted."""

from typing import Any

import numpy as np
import pytest

from tests.webapp.api.client import Api
from tests.webapp.people import People
from tests.webapp.rows import make_run
from tests.webapp.trained.weights import DATASET, MODEL, bare, hash_of, leave
from webapp.experiments.models import RunState
from webapp.trained.models import TrainedModel


@pytest.fixture
def api(people: People) -> Api:
    return Api(user=people["editor"])


def announced(data: bytes, **more: Any) -> dict[str, Any]:
    return {"name": "W", "sha256": hash_of(data), "size_bytes": len(data), "model": MODEL, "dataset": DATASET, **more}


def send(api: Api, data: bytes, size: int, model: dict[str, Any]) -> None:
    """Send the parts in reverse order: any is right."""
    for number in reversed(model["missing_parts"]):
        part = data[number * size : (number + 1) * size]
        answer = api(
            "PUT", f"/models/{model['id']}/parts/{number}", part, media_type="application/octet-stream",
        )  # fmt: skip
        assert answer.status_code == 204, answer.content


def test_an_upload_in_parts_becomes_a_model(api: Api, settings: Any) -> None:
    settings.UPLOAD_PART_BYTES = 400
    data = bare()
    begun = api("POST", "/models", announced(data)).json()
    assert (begun["state"], begun["origin"], begun["part_bytes"]) == ("receiving", "upload", 400)
    assert begun["missing_parts"] == list(range(-(-len(data) // 400)))
    assert api("POST", f"/models/{begun['id']}/complete").status_code == 422, "nothing has arrived"
    send(api, data, 400, api.get(f"/models/{begun['id']}"))
    ready = api("POST", f"/models/{begun['id']}/complete").json()
    assert (ready["state"], ready["model"], ready["facts"]["num_parameters"]) == ("ready", MODEL, 310)
    stream = api("GET", f"/models/{begun['id']}/file")
    assert hash_of(b"".join(stream.streaming_content)) == ready["sha256"]
    assert [one["id"] for one in api.get("/models", sha256=ready["sha256"])["items"]] == [begun["id"]]
    assert api("DELETE", f"/models/{begun['id']}").status_code == 204
    assert api.get("/trash")["items"][0]["family"] == "models"
    assert api("POST", f"/trash/{begun['id']}/restore").status_code == 200
    assert api.get(f"/models/{begun['id']}")["state"] == "ready"


def test_a_refused_file_answers_with_all_problems_and_leaves_nothing(api: Api) -> None:
    data = bare(fc1__weight=np.zeros((4, 63), dtype=np.float32), head__bias=None)
    begun = api("POST", "/models", announced(data)).json()
    send(api, data, begun["part_bytes"], api.get(f"/models/{begun['id']}"))
    answer = api("POST", f"/models/{begun['id']}/complete")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_upload")
    said = " ".join(f"{one['path']} {one['message']}" for one in answer.json()["errors"])
    assert "fc1.weight" in said
    assert "head.bias" in said
    assert api("GET", f"/models/{begun['id']}").status_code == 404
    assert not TrainedModel.everything.exists()


def test_wrong_words_are_refused_before_anything_is_sent(api: Api) -> None:
    answer = api("POST", "/models", announced(b"x", model={"kind": "lenet9"}, name=""))
    assert answer.status_code == 422
    assert {one["path"] for one in answer.json()["errors"]} == {"name", "model.kind"}


def test_models_of_runs_are_listed_and_stay_with_their_run(api: Api, people: People) -> None:
    run = make_run(people.team, RunState.DONE)
    leave(run)
    (model,) = api.get("/models")["items"]
    assert (model["origin"], model["run"], model["accuracy"]) == ("run", str(run.pk), 0.875)
    answer = api("DELETE", f"/models/{model['id']}")
    assert answer.status_code == 409
    assert "experiment" in answer.json()["remedy"]
    assert Api(user=people["stranger"]).get("/models")["items"] == []


SPEC = """\
version: 1
name: By a teacher of our own
seeds: [0]
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 2}]}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: %s
  student: {kind: mlp, hidden: [2]}
  synthesizer: {kind: noise}
"""


def submitted(api: Api, teacher: str, more: str = "") -> Any:
    return api("POST", "/experiments", (SPEC % teacher + more).encode(), media_type="application/yaml")


def test_a_spec_may_name_only_models_of_its_team(api: Api, people: People) -> None:
    leave(make_run(people.team, RunState.DONE))
    (model,) = api.get("/models")["items"]
    teacher = f"{{kind: artifact, sha256: {model['sha256']}}}"
    estimate = api("POST", "/estimates", (SPEC % teacher).encode(), media_type="application/yaml").json()
    assert {row["precision"] for row in estimate["cells"][0]["fits"]} == {"fp32", "int8", "int4"}
    assert submitted(api, teacher).status_code == 201
    foreign = submitted(Api(user=people["stranger"]), teacher)
    assert foreign.status_code == 422
    assert [(one["path"], one["code"]) for one in foreign.json()["errors"]] == [
        ("task.teacher.sha256", "unknown_model")
    ]
    page = api.get(f"/models/{model['id']}")
    assert page["sha256"] == model["sha256"]


def test_a_teacher_by_path_is_refused_before_anything_looks_at_the_file(api: Api, monkeypatch: Any) -> None:
    from engine.datafree.teachers.file import FileTeacher

    def looked(*_: object) -> Any:
        raise AssertionError("the platform looked at a path that somebody sent")

    monkeypatch.setattr(FileTeacher, "check", looked)
    monkeypatch.setattr(FileTeacher, "graph", looked)
    direct = submitted(api, "{kind: file, path: /etc/hostname}")
    swept = submitted(api, "{kind: train}", "sweep:\n  task.teacher: [{kind: file, path: /etc/hostname}]\n")
    escaped = submitted(api, '{kind: "\\x66ile", path: /etc/hostname}')
    for answer in (direct, swept, escaped):
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["code"] == "headless_only"
        assert "page Models" in problem["message"]
    previewed = api(
        "POST", "/estimates", (SPEC % "{kind: file, path: /etc/hostname}").encode(), media_type="application/yaml"
    )
    assert previewed.json()["errors"][0]["code"] == "headless_only"
