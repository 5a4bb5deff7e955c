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


@pytest.mark.slow
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
    assert "Mine is in the trash." in answer.content.decode()
    assert not Upload.objects.exists()
    assert client.get(f"/datasets/{row.pk}/").status_code == 404
    trash = client.get("/trash/").content.decode()
    assert "Data set" in trash
    assert "Mine" in trash
    answer = client.post(f"/trash/{row.pk}/restore")
    assert answer["Location"] == f"/datasets/{row.pk}/"
    assert "Training sample 0, class cat" in client.get(answer["Location"]).content.decode()
    client.post(f"/datasets/{row.pk}/delete")
    assert client.post(f"/trash/{row.pk}/delete").status_code == 302
    assert not Upload.everything.exists()


def test_what_people_say_about_a_set_is_changed_later(client_of: SignIn, people: People, tmp_path: Path) -> None:
    client = client_of("editor")
    upload(client, arrays(tmp_path), "arrays")
    (row,) = Upload.objects.of(people.team)
    html = client.get(f"/datasets/{row.pk}/edit").content.decode()
    assert all(f'name="{name}"' in html for name in ("name", "license", "citation"))
    assert all(f'value="{value}"' in html for value in ("Mine", "MIT", "1"))
    words = {"name": " Ours ", "license": "CC0-1.0", "citation": "Us, 2026", "version": "1"}
    assert client.post(f"/datasets/{row.pk}/edit", words)["Location"] == f"/datasets/{row.pk}/"
    row.refresh_from_db()
    assert (row.name, row.license, row.citation, row.version) == ("Ours", "CC0-1.0", "Us, 2026", 2)
    answer = client.post(f"/datasets/{row.pk}/edit", words | {"name": "Late"})
    assert answer.status_code == 409
    assert "somebody changed it" in answer.content.decode()
    answer = client.post(
        f"/datasets/{row.pk}/edit", {"name": "", "license": "x" * 201, "citation": "\0", "version": "2"}
    )
    assert answer.status_code == 422
    assert all(f'id="{name}-problems"' in answer.content.decode() for name in ("name", "license", "citation"))
    row.refresh_from_db()
    assert row.name == "Ours"


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


@pytest.mark.slow
def test_deleting_what_is_used_says_who_uses_it_and_they_say_so(
    client_of: SignIn, people: People, tmp_path: Path
) -> None:
    client = client_of("editor")
    upload(client, arrays(tmp_path), "arrays")
    (row,) = Upload.objects.of(people.team)
    spec = SPEC.format(dataset=f"{{kind: arrays, sha256: {row.sha256}}}")
    experiment = experiments.submit(people.team, people["editor"], spec)
    notice = "The data set Mine that this experiment names is in the trash"
    assert "On my data" in client.get(f"/datasets/{row.pk}/delete").content.decode()
    assert notice not in client.get(f"/experiments/{experiment.pk}/").content.decode()
    assert client.post(f"/datasets/{row.pk}/delete").status_code == 302
    assert notice in client.get(f"/experiments/{experiment.pk}/").content.decode()
    answer = client.post("/experiments/estimate", {"_yaml": spec}).content.decode()
    assert "the data set Mine is in the trash" in answer
    answer = client.post(f"/trash/{row.pk}/delete")
    assert answer.status_code == 409
    assert "On my data" in answer.content.decode()
    assert Upload.everything.exists()


@pytest.mark.parametrize("kind", ["digits", "synthetic", "cifar100"])
def test_built_in_sets_have_a_page(client_of: SignIn, kind: str) -> None:
    html = client_of("viewer").get(f"/datasets/built-in/{kind}/").content.decode()
    assert ("cifar-100-binary.tar.gz" in html) == (kind == "cifar100")
    assert ("samples by class" in html) == (kind != "cifar100")
