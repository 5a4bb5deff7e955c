"""Data sets and previews by REST."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.api.client import Api, codes
from tests.webapp.api.conftest import Lab
from tests.webapp.datasets.conftest import arrays, images
from webapp.datasets.models import Upload

OCTETS = "application/octet-stream"


def announced(data: bytes, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": "Mine", "kind": kind, "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data), **more}


def send(api: Api, data: bytes, kind: str, **more: Any) -> Any:
    """Upload as the reference page says, and give the answer to the last call."""
    begun = api("POST", "/datasets", announced(data, kind, **more)).json()
    size = begun["part_bytes"]
    for number in begun["missing_parts"]:
        part = data[number * size : (number + 1) * size]
        assert api("PUT", f"/datasets/{begun['id']}/parts/{number}", part, media_type=OCTETS).status_code == 204
    return api("POST", f"/datasets/{begun['id']}/complete")


def test_upload_look_and_delete(lab: Lab, tmp_path: Path, settings: Any) -> None:
    settings.UPLOAD_PART_BYTES = 700
    api = lab.by("editor")
    answer = send(api, images(tmp_path), "image_folder", license="MIT")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["state"], found["license"], found["info"]["classes"]) == ("ready", "MIT", ["cat", "dog"])
    shown = api.get(f"/datasets/{found['id']}/samples", count=4)["data"]
    assert [sample["label"] for sample in shown["samples"]] == ["cat", "dog", "cat", "dog"]
    assert base64.b64decode(shown["samples"][0]["png"]).startswith(b"\x89PNG")
    assert shown["classes"] == [{"name": "cat", "train": 8, "test": 2}, {"name": "dog", "train": 8, "test": 2}]
    assert [one["id"] for one in api.get("/datasets")["items"]] == [found["id"]]
    assert lab.by("stranger").get("/datasets")["items"] == []
    assert api("DELETE", f"/datasets/{found['id']}").status_code == 204
    assert api("GET", f"/datasets/{found['id']}").status_code == 404
    (entry,) = api.get("/trash")["items"]
    assert (entry["id"], entry["family"]) == (found["id"], "datasets")
    assert api("POST", f"/trash/{found['id']}/restore").status_code == 200
    assert api.get(f"/datasets/{found['id']}")["state"] == "ready"


def test_words_are_changed_by_whoever_read_them(lab: Lab, tmp_path: Path) -> None:
    api = lab.by("editor")
    found = send(api, arrays(tmp_path), "arrays").json()
    path = f"/datasets/{found['id']}"
    assert api("GET", path)["ETag"] == '"1"'
    words = {"name": "Named", "license": "MIT", "citation": "Us"}
    assert api("PUT", path, words).status_code == 428
    answer = api("PUT", path, words, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer["ETag"], answer.json()["version"]) == (200, '"2"', 2)
    assert {name: answer.json()[name] for name in words} == words
    assert api("PUT", path, words, headers={"If-Match": '"1"'}).status_code == 412
    answer = api("PUT", path, {"name": ""}, headers={"If-Match": "*"})
    assert (answer.status_code, set(codes(answer))) == (422, {"name"})
    assert lab.by("viewer")("PUT", path, words, headers={"If-Match": "*"}).status_code == 403
    assert lab.by("stranger")("PUT", path, words, headers={"If-Match": "*"}).status_code == 404


def test_a_bad_file_is_told_with_all_its_problems(lab: Lab, tmp_path: Path) -> None:
    api = lab.by("editor")
    answer = send(api, b"this is no archive", "image_folder")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_upload")
    assert set(codes(answer).values()) == {"not_a_zip"}
    assert not Upload.objects.exists()
    answer = api("POST", "/datasets", announced(b"x", "pickle", sha256="Z", name=""))
    assert set(codes(answer)) == {"kind", "sha256", "name"}


def test_a_changed_part_is_refused(lab: Lab, tmp_path: Path) -> None:
    api, data = lab.by("editor"), arrays(tmp_path)
    begun = api("POST", "/datasets", announced(data, "arrays")).json()
    place = f"/datasets/{begun['id']}/parts/0"
    answer = api("PUT", place, data, media_type=OCTETS, headers={"X-Part-Sha256": "0" * 64})
    assert codes(answer) == {"body": "checksum_mismatch"}
    assert api("PUT", place, data, media_type="text/plain").status_code == 415
    assert api("PUT", place, data[1:], media_type=OCTETS).status_code == 422
    assert codes(api("POST", f"/datasets/{begun['id']}/complete")) == {"parts": "missing_parts"}


@pytest.mark.slow
def test_previews_of_a_task(lab: Lab) -> None:
    api = lab.by("editor")
    task = {"dataset": {"kind": "digits"}, "partition": {"kind": "shards"}, "model": {"kind": "mlp", "hidden": [16]}}
    saved = api("POST", "/tasks", {"name": "T", "body": {"kind": "federated", **task}}).json()
    model = api.get(f"/tasks/{saved['id']}/preview", part="model")["data"]
    assert model["num_parameters"] == 64 * 16 + 16 + 16 * 10 + 10
    assert model["total_macs"] == 64 * 16 + 16 * 10
    spread = api("POST", "/previews", {"part": "class_map", "task": task, "devices": 6}).json()["data"]
    assert spread["num_clients"] == 6
    assert sum(map(sum, spread["counts"])) == 1438
    samples = api.get(f"/tasks/{saved['id']}/preview", part="samples")["data"]
    assert sum(row["train"] for row in samples["classes"]) == 1438


@pytest.mark.parametrize(
    ("part", "task", "paths"),
    [
        ("samples", {}, {"task.dataset"}),
        ("model", {"dataset": {"kind": "digits"}, "model": {"kind": "gru"}}, {"task.model"}),
        ("class_map", {"dataset": {"kind": "digits"}, "partition": {"kind": "by_user"}}, {"task.partition.kind"}),
        ("model", {"dataset": {"kind": "nothing"}, "model": {"kind": "mlp", "hidden": [-1]}},
         {"task.dataset.kind", "task.model.hidden.0"}),
        ("samples", {"dataset": {"kind": "arrays", "sha256": "0" * 64}}, {"task.dataset.sha256"}),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_says_why(lab: Lab, part: str, task: dict[str, Any], paths: set[str]) -> None:
    answer = lab.by("viewer")("POST", "/previews", {"part": part, "task": task})
    assert answer.status_code == 422
    assert set(codes(answer)) == paths


def test_somebody_elses_upload_is_not_shown(lab: Lab, tmp_path: Path) -> None:
    send(lab.by("editor"), images(tmp_path), "image_folder")
    (upload,) = Upload.objects.all()
    body = {"part": "samples", "task": {"dataset": upload.spec}}
    assert lab.by("viewer")("POST", "/previews", body).status_code == 200
    answer = lab.by("stranger")("POST", "/previews", body)
    assert codes(answer) == {"task.dataset.sha256": "unknown_upload"}
