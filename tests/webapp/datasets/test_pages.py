"""Pages of data sets, used as a browser without scripts uses them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.webapp.datasets.conftest import arrays, images
from tests.webapp.people import People
from webapp.datasets.models import Upload
from webapp.experiments import services as experiments

from tests.webapp.datasets.test_services import SPEC  # isort: skip

SignIn = Callable[[str], Client]


def upload(client: Client, data: bytes, kind: str, **more: str) -> tuple[int, str]:
    form = {"name": "Mine", "kind": kind, "license": "MIT", "citation": "", **more}
    answer = client.post("/datasets/new", {**form, "file": SimpleUploadedFile("f.zip", data)}, follow=True)
    return answer.status_code, answer.content.decode()


def test_uploading_looking_and_deleting_without_scripts(client_of: SignIn, people: People, tmp_path: Path) -> None:
    client = client_of("editor")
    status, html = upload(client, images(tmp_path), "image_folder")
    assert status == 200
    assert "Training sample 0, class cat" in html
    (row,) = Upload.objects.of(people.team)
    assert client.get(f"/datasets/{row.pk}/").status_code == 200
    assert "Mine" in client.get("/datasets/").content.decode()
    assert client_of("stranger").get(f"/datasets/{row.pk}/").status_code == 404
    answer = client.post(f"/datasets/{row.pk}/delete", follow=True)
    assert "Deleted data set Mine." in answer.content.decode()
    assert not Upload.objects.exists()


def test_a_bad_file_is_told_at_the_form_and_what_was_typed_stays(client_of: SignIn) -> None:
    status, html = upload(client_of("editor"), b"no zip at all", "image_folder", name="Kept words")
    assert status == 422
    assert "problem" in html
    assert "Kept words" in html
    assert not Upload.objects.exists()


def test_a_form_that_brings_too_much_is_refused_before_it_is_read(client_of: SignIn, settings: object) -> None:
    settings.UPLOAD_FORM_BYTES = 1000
    status, _ = upload(client_of("editor"), b"x" * 2000, "arrays")
    assert status in {400, 413}
    assert not Upload.objects.exists()


def test_deleting_what_is_used_names_who_uses_it(client_of: SignIn, people: People, tmp_path: Path) -> None:
    client = client_of("editor")
    upload(client, arrays(tmp_path), "arrays")
    (row,) = Upload.objects.of(people.team)
    spec = SPEC.format(dataset=f"{{kind: arrays, sha256: {row.sha256}}}")
    experiments.submit(people.team, people["editor"], spec)
    assert "On my data" in client.get(f"/datasets/{row.pk}/delete").content.decode()
    answer = client.post(f"/datasets/{row.pk}/delete")
    assert answer.status_code == 409
    assert Upload.objects.exists()


@pytest.mark.parametrize("kind", ["digits", "synthetic", "cifar100"])
def test_built_in_sets_have_a_page(client_of: SignIn, kind: str) -> None:
    html = client_of("viewer").get(f"/datasets/built-in/{kind}/").content.decode()
    assert ("cifar-100-binary.tar.gz" in html) == (kind == "cifar100")
    assert ("samples by class" in html) == (kind != "cifar100")
