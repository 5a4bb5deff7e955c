"""Metadata of the team: found among the files of runs, uploaded, named by specs, offered by the designer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from engine.core.errors import SpecError
from tests.webapp.api.client import Api
from tests.webapp.markup import form_of
from tests.webapp.people import People
from tests.webapp.rows import make_run
from tests.webapp.trained.test_models import refused, sent
from tests.webapp.trained.weights import handed_out, hash_of, leave, packed
from webapp.experiments.models import RunState
from webapp.library import services as library
from webapp.trained import usage
from webapp.trained.models import Content, TrainedModel

SignIn = Callable[[str], Client]
SPEC = """
name: Third party
fleet: {groups: [{name: boards, count: 2}]}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: %s
  student: {kind: mlp, hidden: [2]}
  metadata: %s
  synthesizer: {kind: dream_distillation, steps: 2}
"""


def both(people: People) -> tuple[TrainedModel, TrainedModel]:
    """Teacher and metadata of one run."""
    run = make_run(people.team, RunState.DONE)
    leave(run)
    leave(run, "metadata.safetensors", handed_out())
    (teacher,), (metadata,) = usage.models_of(people.team), usage.models_of(people.team, Content.METADATA)
    return teacher, metadata


def artifact(row: TrainedModel) -> str:
    return f"{{kind: artifact, sha256: {row.sha256}}}"


def submitted(api: Api, teacher: str, metadata: str) -> Any:
    return api("POST", "/experiments", (SPEC % (teacher, metadata)).encode(), media_type="application/yaml")


def test_metadata_of_runs_is_found_and_is_no_model(people: People) -> None:
    teacher, metadata = both(people)
    assert metadata.name == "By hand, seed 0: metadata"
    assert (metadata.facts["kind"], metadata.facts["num_samples"]) == ("class_gaussians", 1438)
    assert metadata.facts["guarantee"] == "no formal guarantee"
    assert usage.collected_with(metadata) == teacher
    assert not usage.models_of(people.elsewhere, Content.METADATA)
    api = Api(user=people["viewer"])
    assert [one["id"] for one in api.get("/models", content="metadata")["items"]] == [str(metadata.pk)]
    assert [one["id"] for one in api.get("/models", content="model")["items"]] == [str(teacher.pk)]


def test_an_upload_is_recognized_by_its_header(people: People) -> None:
    row = sent(people, handed_out(), model=None, dataset=None)
    assert (row.content, row.sha256) == ("metadata", hash_of(handed_out()))
    other = handed_out().replace(b'version\\": 1', b'version\\": 7')
    assert "version 1 is read" in refused(people, other, model=None, dataset=None)["file"]


def test_an_upload_by_the_page(people: People, client_of: SignIn) -> None:
    file = SimpleUploadedFile("metadata.safetensors", handed_out())
    answer = client_of("editor").post("/models/new", {"name": "Theirs", "file": file})
    assert answer.status_code == 302, answer.content.decode()
    page = client_of("viewer").get(answer["Location"]).content.decode()
    assert "no other fits" in page
    assert "No formal guarantee" in page
    assert "Theirs" in client_of("viewer").get("/models/").content.decode()


def test_a_spec_may_name_only_metadata_of_its_team(people: People) -> None:
    teacher, metadata = both(people)
    api = Api(user=people["editor"])
    answer = submitted(api, artifact(teacher), artifact(metadata))
    assert answer.status_code == 201, answer.content
    swapped = submitted(api, artifact(teacher), artifact(teacher)).json()["errors"]
    assert [one["path"] for one in swapped] == ["task.metadata.sha256"]
    foreign = submitted(Api(user=people["stranger"]), artifact(teacher), artifact(metadata)).json()["errors"]
    assert {(one["path"], one["code"]) for one in foreign} == {
        ("task.teacher.sha256", "unknown_model"), ("task.metadata.sha256", "unknown_model"),
    }  # fmt: skip


def test_a_path_is_refused_before_anything_looks_at_it(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.datafree.metadata_kinds.file import FileMetadata
    from webapp.library.models import Task

    def looked(*_: object) -> Any:
        raise AssertionError("the platform looked at a path that somebody sent")

    monkeypatch.setattr(FileMetadata, "path_in", looked)
    monkeypatch.setattr(FileMetadata, "content_sha256", looked)
    api = Api(user=people["editor"])
    direct = submitted(api, "{kind: train}", "{kind: file, path: /etc/hostname}")
    grid = (SPEC % ("{kind: train}", "{kind: file}")) + "sweep: {task.metadata.path: [/etc/hostname]}\n"
    swept = api("POST", "/experiments", grid.encode(), media_type="application/yaml")
    half = Task.objects.create(
        team=people.team, name="Half", body={"kind": "datafree", "metadata": {"kind": "file"}},
        created_by=people["editor"],
    )  # fmt: skip
    text = (
        f"fleet: {{groups: [{{name: b, count: 1}}]}}\ntask: {{saved: {half.pk}, metadata: {{path: /etc/hostname}}}}\n"
    )
    saved = api("POST", "/experiments", text.encode(), media_type="application/yaml")
    for answer in (direct, swept, saved):
        assert {one["code"] for one in answer.json()["errors"]} == {"headless_only"}, answer.content
    body = {"kind": "datafree", "teacher": {"kind": "file", "path": "/etc/hostname"}}
    with pytest.raises(SpecError, match=r"Only \./edgeloom run"):
        library.create("tasks", people.team, people["editor"], "Mine", body)


def test_the_designer_begins_with_it_and_its_teacher(people: People, client_of: SignIn) -> None:
    teacher, metadata = both(people)
    page = client_of("runner").get(f"/experiments/new?kind=datafree&metadata={metadata.pk}").content.decode()
    values = form_of(page).values
    assert values["task:datafree.metadata:artifact.sha256"] == metadata.sha256
    assert values["task:datafree.teacher:artifact.sha256"] == teacher.sha256
    assert "class_gaussians, " in page, "the list says how it was collected"
    start = page.index('name="task:datafree.metadata@kind"')
    assert 'value="file"' not in page[start : page.index("</select>", start)]
    assert packed()
