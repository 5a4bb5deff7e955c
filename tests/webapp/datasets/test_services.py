"""Uploads in parts: what arrives, what is refused, who may use it, and what is left of what is deleted."""

import hashlib
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from engine.core.errors import SpecError
from tests.engine.data.files import flat, npz_of, zip_of
from tests.webapp.datasets.conftest import arrays, images
from tests.webapp.people import People
from webapp.datasets import receiving, services
from webapp.datasets.models import Upload, UploadState
from webapp.experiments import services as experiments
from webapp.experiments.states import Conflict
from webapp.trash.cleaning import clean

Send = Callable[..., Upload]


def artifact(upload: Upload) -> Path:
    return Path(django_settings.ARTIFACTS_FOLDER) / upload.sha256


def codes(error: pytest.ExceptionInfo[SpecError]) -> set[str]:
    return {problem.code for problem in error.value.problems}


def nothing_is_left(sha256: str) -> bool:
    folders = Path(django_settings.UPLOADS_FOLDER)
    return (
        not Upload.objects.filter(sha256=sha256).exists()
        and not (Path(django_settings.ARTIFACTS_FOLDER) / sha256).exists()
        and not any(folders.iterdir() if folders.is_dir() else ())
    )


def test_a_good_file_becomes_a_data_set(send: Send, tmp_path: Path) -> None:
    data = images(tmp_path)
    upload = send(data, "image_folder", license="MIT")
    assert upload.state == UploadState.READY
    assert upload.info["classes"] == ["cat", "dog"]
    assert (upload.info["num_train"], upload.info["num_test"]) == (16, 4)
    assert artifact(upload).read_bytes() == data
    assert not receiving.folder_of(upload).exists()


def test_parts_come_in_any_order_twice_and_after_a_break(people: People, tmp_path: Path, settings: Any) -> None:
    settings.UPLOAD_PART_BYTES = 500
    data, user = arrays(tmp_path), people["editor"]
    wish = services.Announcement("Mine", "arrays", hashlib.sha256(data).hexdigest(), len(data))
    upload = services.announce(people.team, user, wish)
    count = receiving.num_parts(upload)
    assert count == -(-len(data) // 500) > 2
    for number in (count - 1, 1, 1):
        services.put_part(upload, user, number, data[number * 500 : (number + 1) * 500])
    again = services.announce(people.team, user, wish)
    assert again.pk == upload.pk
    missing = receiving.missing_parts(again)
    assert missing == [number for number in range(count) if number not in {1, count - 1}]
    with pytest.raises(SpecError) as error:
        services.complete(again, user)
    assert codes(error) == {"missing_parts"}
    for number in missing:
        services.put_part(again, user, number, data[number * 500 : (number + 1) * 500])
    assert services.complete(again, user).state == UploadState.READY
    assert services.announce(people.team, user, wish).state == UploadState.READY


def test_a_part_of_wrong_size_number_or_checksum_is_refused(people: People, tmp_path: Path) -> None:
    data, user = arrays(tmp_path), people["editor"]
    wish = services.Announcement("Mine", "arrays", hashlib.sha256(data).hexdigest(), len(data))
    upload = services.announce(people.team, user, wish)
    for number, part, checksum, code in (
        (0, data[:-1], "", "wrong_size"),
        (1, data, "", "out_of_range"),
        (0, data, "0" * 64, "checksum_mismatch"),
    ):
        with pytest.raises(SpecError) as error:
            services.put_part(upload, user, number, part, checksum)
        assert codes(error) == {code}
    assert receiving.missing_parts(upload) == [0]


def test_everything_wrong_with_an_announcement_is_told_at_once(people: People) -> None:
    wish = services.Announcement(" ", "pickle", "ABC", 0, license="x" * 201, citation="x" * 4001)
    with pytest.raises(SpecError) as error:
        services.announce(people.team, people["editor"], wish)
    paths = {problem.path for problem in error.value.problems}
    assert paths == {"name", "kind", "sha256", "size_bytes", "license", "citation"}
    assert not Upload.objects.exists()


def test_sizes_are_limited(people: People, settings: Any) -> None:
    settings.UPLOAD_FILE_BYTES, settings.UPLOAD_TEAM_BYTES = 1000, 1500
    user = people["editor"]
    with pytest.raises(SpecError) as error:
        services.announce(people.team, user, services.Announcement("A", "arrays", "a" * 64, 1001))
    assert codes(error) == {"too_large"}
    services.announce(people.team, user, services.Announcement("A", "arrays", "a" * 64, 1000))
    with pytest.raises(SpecError) as error:
        services.announce(people.team, user, services.Announcement("B", "arrays", "b" * 64, 1000))
    assert codes(error) == {"quota"}
    services.announce(people.elsewhere, people["stranger"], services.Announcement("B", "arrays", "b" * 64, 1000))


def _bomb(folder: Path) -> bytes:
    return zip_of(folder / "bomb.zip", {"a/0.png": b"\0" * (300 << 20)}, zipfile.ZIP_DEFLATED).read_bytes()


def _traversal(folder: Path) -> bytes:
    files = {"../../outside.png": flat(1), "/etc/a.png": flat(2), "b/1.png": flat(3)}
    return zip_of(folder / "out.zip", files).read_bytes()


def _pickle(folder: Path) -> bytes:
    x = np.array([{"a": 1}, None], dtype=object)
    return npz_of(folder / "evil.npz", x=x, y=np.array([0, 1])).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "kind", "code"),
    [
        (_bomb, "image_folder", "zip_bomb"),
        (_traversal, "image_folder", "unsafe_path"),
        (_pickle, "arrays", ""),
        (lambda _: b"MZ this is a program", "image_folder", "not_a_zip"),
        (images, "arrays", ""),
        (arrays, "image_folder", ""),
    ],
)
def test_a_bad_file_is_refused_and_nothing_is_stored(
    send: Send, tmp_path: Path, make: Callable[[Path], bytes], kind: str, code: str
) -> None:
    data = make(tmp_path)
    with pytest.raises(SpecError) as error:
        send(data, kind)
    assert not code or code in codes(error), error.value
    assert nothing_is_left(hashlib.sha256(data).hexdigest())


def test_a_file_with_another_checksum_is_refused(send: Send, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        send(arrays(tmp_path), "arrays", sha256="0" * 64)
    assert codes(error) == {"checksum_mismatch"}
    assert nothing_is_left("0" * 64)


def test_only_editors_upload_and_delete(send: Send, people: People, tmp_path: Path) -> None:
    upload = send(arrays(tmp_path), "arrays")
    for name in ("viewer", "runner", "stranger"):
        with pytest.raises(PermissionDenied):
            services.discard(upload, people[name])
        with pytest.raises(PermissionDenied):
            services.announce(people.team, people[name], services.Announcement("A", "arrays", "a" * 64, 1))


SPEC = """\
version: 1
name: On my data
fleet: {{groups: [{{name: boards, device: rpi_4b_4gb, count: 4}}]}}
task:
  kind: federated
  dataset: {dataset}
  model: {{kind: mlp, hidden: []}}
  sampler: {{kind: uniform, num_clients: 2}}
  rounds: 1
"""


def test_a_spec_may_name_the_uploads_of_its_own_team_only(send: Send, people: People, tmp_path: Path) -> None:
    upload = send(arrays(tmp_path), "arrays")
    named = f"{{kind: arrays, sha256: {upload.sha256}}}"
    own = experiments.submit(people.team, people["editor"], SPEC.format(dataset=named))
    assert own.text.count(upload.sha256) == 1
    text = SPEC.format(dataset="{kind: digits}") + f"sweep: {{task.dataset: [{{kind: digits}}, {named}]}}\n"
    for spec in (SPEC.format(dataset=named), text):
        with pytest.raises(SpecError) as error:
            experiments.submit(people.elsewhere, people["stranger"], spec)
        assert codes(error) == {"unknown_upload"}


def trashed(upload: Upload) -> Upload:
    return Upload.everything.get(pk=upload.pk)


def test_what_an_experiment_uses_is_not_deleted_for_good(send: Send, people: People, tmp_path: Path) -> None:
    upload, editor = send(arrays(tmp_path), "arrays"), people["editor"]
    spec = SPEC.format(dataset=f"{{kind: arrays, sha256: {upload.sha256}}}")
    experiment = experiments.submit(people.team, editor, spec)
    services.discard(upload, editor)
    assert artifact(upload).exists()
    with pytest.raises(Conflict, match="On my data"):
        services.purge(trashed(upload), editor)
    experiments.delete(experiment, editor)
    with pytest.raises(Conflict):  # it may come back from the trash
        services.purge(trashed(upload), editor)
    experiment.delete()
    services.purge(trashed(upload), editor)
    assert not artifact(upload).exists()
    assert not list(artifact(upload).parent.glob(f"{upload.sha256}*"))


def test_a_set_in_the_trash_cannot_be_used_and_comes_back(send: Send, people: People, tmp_path: Path) -> None:
    upload, editor = send(arrays(tmp_path), "arrays"), people["editor"]
    spec = SPEC.format(dataset=f"{{kind: arrays, sha256: {upload.sha256}}}")
    services.discard(upload, editor)
    with pytest.raises(SpecError) as error:
        experiments.submit(people.team, editor, spec)
    assert codes(error) == {"upload_in_trash"}
    services.put_back(trashed(upload), editor)
    assert experiments.submit(people.team, editor, spec).name == "On my data"
    services.discard(upload, editor)
    # The same file again is the set that there was.
    again = services.announce(
        people.team,
        editor,
        services.Announcement("New", "arrays", upload.sha256, upload.size_bytes),
    )
    assert (again.pk, again.state, again.trashed_at, again.name) == (upload.pk, UploadState.READY, None, "Mine")


def test_the_clean_up_takes_what_is_overdue_but_not_what_is_needed(send: Send, people: People, tmp_path: Path) -> None:
    editor = people["editor"]
    needed, free = send(arrays(tmp_path), "arrays"), send(images(tmp_path), "image_folder")
    experiments.submit(people.team, editor, SPEC.format(dataset=f"{{kind: arrays, sha256: {needed.sha256}}}"))
    for upload in (needed, free):
        services.discard(upload, editor)
    clean()
    assert artifact(needed).exists()
    assert artifact(free).exists()
    clean(timezone.now() + timedelta(days=400))
    assert artifact(needed).exists()
    assert not artifact(free).exists()
    assert [upload.pk for upload in Upload.everything.all()] == [needed.pk]


def test_a_file_that_another_team_has_too_stays(send: Send, people: People, tmp_path: Path) -> None:
    data = arrays(tmp_path)
    mine = send(data, "arrays")
    theirs = send(data, "arrays", team=people.elsewhere, user=people["stranger"])
    services.discard(mine, people["editor"])
    services.purge(trashed(mine), people["editor"])
    assert artifact(theirs).exists()
    services.discard(theirs, people["stranger"])
    services.purge(trashed(theirs), people["stranger"])
    assert not artifact(theirs).exists()
