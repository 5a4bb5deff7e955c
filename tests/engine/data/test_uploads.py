"""Uploads: the facts about them, their removal, and any bytes at all."""

import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.errors import DataUnavailable, SpecError
from engine.data.dataset import datasets
from engine.data.datasets.arrays import Arrays
from engine.data.datasets.image_folder import ImageFolder
from engine.data.store import DataStore
from engine.data.uploads import accept, inspect, remove, upload_kinds
from tests.engine.data.files import animals, codes, in_store, npz_of, zip_of


def test_the_kinds_of_uploads() -> None:
    assert upload_kinds() == ("arrays", "image_folder")
    assert all(datasets[kind].model_fields["sha256"].is_required() for kind in upload_kinds())


def test_facts_are_kept_beside_the_file_and_made_anew(home: Path, tmp_path: Path) -> None:
    sha256 = in_store(home, zip_of(tmp_path / "a.zip", animals()))
    place = home / "artifacts" / sha256
    found = accept(place, "image_folder")
    beside = place.with_name(f"{sha256}.image_folder.json")
    assert beside.is_file()
    for damage in ("", "{}", found.model_dump_json().replace('"version":1', '"version":0')):
        beside.write_text(damage)
        assert ImageFolder(sha256=sha256).info() == found
    beside.unlink()
    assert ImageFolder(sha256=sha256).info() == found
    assert beside.is_file()


def test_an_upload_that_is_not_here_is_a_problem_and_not_a_crash(home: Path) -> None:
    (problem,) = Arrays(sha256="0" * 64).check()
    assert problem.path == "sha256"
    assert problem.code == "unknown_upload"
    assert str(home / "artifacts") in problem.message
    assert not Arrays(sha256="0" * 64).is_available(DataStore.from_environment())


def test_a_changed_file_is_refused(home: Path, tmp_path: Path) -> None:
    sha256 = in_store(home, zip_of(tmp_path / "a.zip", animals()))
    place = home / "artifacts" / sha256
    accept(place, "image_folder")
    zip_of(place, animals(20))
    with pytest.raises(DataUnavailable, match="has been changed"):
        ImageFolder(sha256=sha256).load(DataStore.from_environment(), "train")


def test_a_removed_upload_leaves_nothing(home: Path, tmp_path: Path) -> None:
    sha256 = in_store(home, zip_of(tmp_path / "a.zip", animals()))
    other = in_store(home, zip_of(tmp_path / "b.zip", animals(12)))
    store = DataStore.from_environment()
    for name in (sha256, other):
        ImageFolder(sha256=name).load(store, "train")
    remove(store, sha256)
    remove(store, sha256)
    left = [path.name for path in home.rglob("*") if path.is_file() or path.parent.name == "cache"]
    assert not [name for name in left if sha256[:16] in name]
    assert not ImageFolder(sha256=sha256).is_available(store)
    assert ImageFolder(sha256=other).is_available(store)


def test_an_unknown_kind_and_an_empty_file_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"")
    assert codes(path, "mnist") == {"unknown_kind"}
    assert codes(path, "arrays") == {"size"}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Sound files of each kind, to be damaged."""
    folder = tmp_path_factory.mktemp("good")
    table = folder / "t.csv"
    table.write_text("a,b,label\n" + "".join(f"{n},{n * n},{n % 3}\n" for n in range(12)))
    arrays = npz_of(folder / "a.npz", x=np.arange(20.0).reshape(10, 2), y=np.arange(10) % 2)
    images = zip_of(folder / "a.zip", animals(6), zipfile.ZIP_DEFLATED)
    return {"arrays": [arrays.read_bytes(), table.read_bytes()], "image_folder": [images.read_bytes()]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", upload_kinds())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_give_facts_or_problems(
    kind: str, data: st.DataObject, good: dict[str, list[bytes]], tmp_path: Path
) -> None:
    """No other exception comes out, and nothing is left behind."""
    content = bytearray(data.draw(st.sampled_from([*good[kind], b""])))
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    path = tmp_path / "upload"
    path.write_bytes(bytes(content))
    with suppress(SpecError):
        assert inspect(path, kind).num_train > 0
    assert [file.name for file in tmp_path.iterdir()] == ["upload"]
