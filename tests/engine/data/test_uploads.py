"""Uploads: what is accepted, what is refused, and that nothing in a file is ever run."""

import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.errors import DataUnavailable, SpecError
from engine.data.archive import Limits
from engine.data.dataset import datasets
from engine.data.datasets.arrays import Arrays
from engine.data.datasets.image_folder import ImageFolder
from engine.data.store import DataStore
from engine.data.uploads import accept, inspect, remove, upload_kinds
from tests.engine.data.files import flat, image_of, in_store, npz_of, zip_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A platform's folder, named by the environment."""
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def codes(path: Path, kind: str, limits: Limits | None = None) -> set[str]:
    """Codes of the problems for which a file is refused."""
    with pytest.raises(SpecError) as caught:
        inspect(path, kind, limits)
    assert all(problem.message for problem in caught.value.problems)
    return {problem.code for problem in caught.value.problems}


def animals(count: int = 10) -> dict[str, bytes]:
    """Two classes of flat gray images: cats of 0, dogs of 255."""
    return {f"{name}/{n:02}.png": flat(value) for name, value in (("cat", 0), ("dog", 255)) for n in range(count)}


def test_the_kinds_of_uploads() -> None:
    assert upload_kinds() == ("arrays", "image_folder")
    assert all(datasets[kind].model_fields["sha256"].is_required() for kind in upload_kinds())


def test_images_in_folders_are_read(home: Path, tmp_path: Path) -> None:
    sha256 = in_store(home, zip_of(tmp_path / "a.zip", {"around/" + name: body for name, body in animals().items()}))
    data, store = ImageFolder(sha256=sha256), DataStore.from_environment()
    assert data.check() == []
    assert data.sample().shape == (1, 8, 8)
    assert (data.num_samples("train"), data.num_samples("test")) == (16, 4)
    assert data.class_names() == ("cat", "dog")
    train, test = data.load(store, "train"), data.load(store, "test")
    # half of the pixels are 0, half are 1: mean 1/2, standard deviation 1/2
    assert np.allclose(train.x[train.y == 0], -1)
    assert np.allclose(train.x[train.y == 1], 1)
    assert train.y.tolist() == [0] * 8 + [1] * 8
    assert test.y.tolist() == [0, 0, 1, 1]


def test_split_folders_decide_the_split(home: Path, tmp_path: Path) -> None:
    files = {f"train/{name}": body for name, body in animals(3).items()} | {"test/dog/x.png": flat(128)}
    sha256 = in_store(home, zip_of(tmp_path / "a.zip", files))
    data = ImageFolder(sha256=sha256)
    assert (data.num_samples("train"), data.num_samples("test")) == (6, 1)
    assert data.labels(DataStore.from_environment(), "test").tolist() == [1]


def test_images_of_different_sizes_are_brought_to_one(home: Path, tmp_path: Path) -> None:
    wide = np.zeros((10, 30), dtype=np.uint8)
    wide[:, 10:20] = 255  # the middle square is white
    files = animals() | {
        "dog/wide.png": image_of(wide),
        "cat/color.jpg": image_of(np.zeros((8, 8, 3), np.uint8), "JPEG"),
    }
    path = zip_of(tmp_path / "a.zip", files | {"README.txt": b"hello", "__MACOSX/._x": b"", "cat/.DS_Store": b""})
    info = inspect(path, "image_folder")
    assert info.sample.shape == (3, 64, 64)
    assert any("3 files" in remark for remark in info.remarks)
    assert any("2 sizes" in remark for remark in info.remarks)
    data = ImageFolder(sha256=in_store(home, path), size=10)
    assert data.sample().shape == (3, 10, 10)
    store = DataStore.from_environment()
    both = np.concatenate([data.load(store, split).x for split in ("train", "test")])
    shown = data.pixels().shown(both)
    # 20 images of one value, the JPEG, and the middle of the wide one, which is all white
    assert sorted(np.unique(image).tolist()[0] for image in shown) == [0] * 11 + [255] * 11


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


def test_pixels_arrays_are_read(home: Path, tmp_path: Path) -> None:
    x = np.zeros((20, 4, 4), dtype=np.uint8)
    x[10:] = 255
    path = npz_of(tmp_path / "a.npz", x=x, y=np.repeat(["no", "yes"], 10), users=np.arange(20) % 2 * 7)
    info = inspect(path, "arrays")
    assert (info.sample.kind, info.sample.shape, info.num_users) == ("image", (1, 4, 4), 2)
    assert (info.num_train, info.num_test, info.classes) == (16, 4, ("no", "yes"))
    data, store = Arrays(sha256=in_store(home, path)), DataStore.from_environment()
    train = data.load(store, "train")
    assert np.allclose(train.x[train.y == 0], -1)
    assert np.allclose(train.x[train.y == 1], 1)
    assert data.client_sizes(store).sum() == 16
    assert data.client(store, 1).train.owners.tolist() == [1] * data.client_sizes(store)[1]


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "expected"),
    [
        ((20, 5), np.float64, "features", (5,)),
        ((20, 6, 3), np.float32, "sequence", (6, 3)),
        ((20, 6, 5, 3), np.float32, "image", (3, 6, 5)),
        ((20, 3, 6, 5), np.uint8, "image", (3, 6, 5)),
    ],
)
def test_the_shape_of_an_array_tells_what_it_is(
    home: Path, tmp_path: Path, shape: tuple[int, ...], dtype: type, kind: str, expected: tuple[int, ...]
) -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    x: np.ndarray = generator.integers(0, 256, shape).astype(dtype)
    path = npz_of(tmp_path / "a.npz", x=np.asfortranarray(x), y=np.arange(20) % 2)
    data = Arrays(sha256=in_store(home, path))
    assert (data.sample().kind, data.sample().shape) == (kind, expected)
    train = data.load(DataStore.from_environment(), "train").x
    axes = (0, 2, 3) if kind == "image" else tuple(range(train.ndim - 1))
    assert np.allclose(train.mean(axis=axes), 0, atol=1e-4)
    assert np.allclose(train.std(axis=axes), 1, atol=1e-4)


def test_given_splits_are_kept(home: Path, tmp_path: Path) -> None:
    path = npz_of(
        tmp_path / "a.npz",
        x_train=np.array([[0.0], [2.0]]),
        y_train=np.array([3, 12]),
        x_test=np.array([[4.0]]),
        y_test=np.array([12]),
    )
    data, store = Arrays(sha256=in_store(home, path)), DataStore.from_environment()
    assert data.class_names() == ("3", "12")
    assert data.load(store, "test").y.tolist() == [1]
    assert data.load(store, "test").x.tolist() == [[3.0]]  # mean 1, standard deviation 1


def test_a_table_is_read(home: Path, tmp_path: Path) -> None:
    lines = ["width;user;Label;height;split"]
    lines += [f"{n};u{n % 2};{('b', 'a')[n % 2]};{n * 0.5 + 1};{'test' if n > 7 else 'train'}" for n in range(10)]
    path = tmp_path / "t.csv"
    path.write_text("\ufeff" + "\n".join(lines) + "\n")
    info = inspect(path, "arrays")
    assert (info.sample.kind, info.sample.shape, info.classes) == ("features", (2,), ("a", "b"))
    assert (info.num_train, info.num_test, info.num_users) == (8, 2, 2)
    assert info.mean == (3.5, 2.75)  # of 0 .. 7, and half of that plus one
    data = Arrays(sha256=in_store(home, path))
    assert data.load(DataStore.from_environment(), "test").y.tolist() == [1, 0]


def test_bad_lines_of_a_table_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,label\n1,2,x\n1,two,y\n1,2\n1,nan,x\n")
    with pytest.raises(SpecError) as caught:
        inspect(path, "arrays")
    assert [problem.path for problem in caught.value.problems] == ["line 3", "line 4"]
    path.write_text("a,b,label\n" + "1,nan,x\n" * 9)
    assert "not_finite" in codes(path, "arrays")


class Bomb:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {os.environ['BOMB']}",)


def test_object_arrays_are_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "exploded"
    monkeypatch.setenv("BOMB", str(trace))
    path = npz_of(tmp_path / "a.npz", x=np.zeros((4, 2)), y=np.array([Bomb()] * 4, dtype=object))
    assert codes(path, "arrays") == {"bad_array"}
    assert not trace.exists()
    np.load(path, allow_pickle=True)["y"]  # the bomb is a real one
    assert trace.exists()
    trace.unlink()
    path.write_bytes(pickle.dumps(Bomb()))
    assert codes(path, "arrays")
    assert not trace.exists()


def npy(header: str, body: bytes) -> bytes:
    """A NumPy array file with any header."""
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + body


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,2), }",
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }",
        "__import__('os').system('true')",
        "(" * 200,
    ],
)
def test_odd_headers_of_arrays_are_told(tmp_path: Path, header: str) -> None:
    body = npy(header, b"\xff" * 16)
    path = zip_of(tmp_path / "a.npz", {"x.npy": body, "y.npy": body})
    assert codes(path, "arrays") == {"bad_array"}


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"x": np.zeros((4, 2))}, {"missing_array"}),
        ({"x": np.zeros((4, 2)), "y": np.zeros(4), "z": np.zeros(1)}, {"unknown_array"}),
        ({"x": np.zeros((4, 2)), "y": np.zeros(3)}, {"shapes"}),
        ({"x": np.zeros((4, 2)), "y": np.full(4, 0.5)}, {"type"}),
        ({"x": np.full((4, 2), np.inf), "y": np.array([0.5] * 4)}, {"type", "not_finite"}),
        ({"x": np.full((4, 2), "a"), "y": np.arange(4)}, {"type"}),
        ({"x": np.zeros(4), "y": np.arange(4)}, {"shapes"}),
        ({"x": np.zeros((4, 5, 5, 7)), "y": np.arange(4)}, {"shapes"}),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, {"size"}),
        ({"x": np.zeros((40, 2)), "y": np.zeros(40)}, {"classes"}),
        ({"x": np.zeros((4, 2)), "y": np.array([0, 0, 1, 1])}, {"no_test"}),
        ({"x": np.zeros((10, 2)), "y": np.array([0] * 9 + [1])}, {"untrained_class"}),
        ({"x": np.zeros((9, 2)), "y": np.arange(9) % 2, "split": np.array(["train"] * 8 + ["dev"])}, {"type"}),
    ],
)
def test_arrays_that_do_not_fit_are_told(tmp_path: Path, arrays: dict[str, np.ndarray], expected: set[str]) -> None:
    assert codes(npz_of(tmp_path / "a.npz", **arrays), "arrays") == expected


def test_dangerous_paths_and_links_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../up.png", "/etc/passwd.png", "C:/x.png", "cat\\x.png", "cat/\x1b.png", "cat/a.png"):
            archive.writestr(name, flat(1))
        link = zipfile.ZipInfo("cat/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("cat/a.png", flat(2))
    assert codes(path, "image_folder") == {"unsafe_path", "symlink", "repeated_path"}
    assert not (tmp_path.parent / "up.png").exists()


def test_an_entry_without_a_name_is_told(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"x": b"1"})
    content = bytearray(path.read_bytes())
    listed, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    content[end + 12] -= 1  # bytes of the list of contents
    content[listed + 28] -= 1  # characters of the name
    del content[listed + 46]
    path.write_bytes(content)
    assert codes(path, "image_folder") == {"unsafe_path"}


def test_archives_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"cat/a.png": b"\0" * 3_000_000}, zipfile.ZIP_DEFLATED)
    assert codes(path, "image_folder", Limits(ratio_from_bytes=1_000_000)) == {"zip_bomb"}
    assert codes(path, "image_folder", Limits(unpacked_bytes=2_000_000)) == {"zip_bomb"}
    assert codes(path, "image_folder", Limits(entry_bytes=2_000_000)) == {"too_large"}
    many = zip_of(tmp_path / "b.zip", {f"cat/{n}.png": b"" for n in range(300)})
    assert codes(many, "image_folder", Limits(entries=299)) == {"too_many_files"}
    assert codes(many, "image_folder", Limits(entries=10)) == {"too_many_files"}
    assert codes(many, "image_folder", Limits(file_bytes=10)) == {"size"}


def test_a_lying_list_of_contents_does_not_unpack_more(tmp_path: Path) -> None:
    """The entry announces 10 bytes and unpacks to a megabyte."""
    path = zip_of(tmp_path / "a.zip", animals() | {"cat/a.png": b"\0" * 1_000_000}, zipfile.ZIP_DEFLATED)
    content = path.read_bytes().replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10))
    path.write_bytes(content)
    assert codes(path, "image_folder") == {"bad_image"}


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    """All entries of the list of contents point to the first file (Fifield 2019)."""
    body = flat(3, 64, 64) * 50
    path = zip_of(tmp_path / "a.zip", {f"cat/{n}.png": body if n == 0 else b"" for n in range(9)})
    content = bytearray(path.read_bytes())
    place, first = 0, None
    while (place := content.find(b"PK\1\2", place)) >= 0:
        entry = content[place + 16 : place + 28]
        first = first or entry
        content[place + 16 : place + 28] = first
        place += 4
    path.write_bytes(content)
    assert "zip_bomb" in codes(path, "image_folder")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {"no_images"}),
        ({"a.txt": b"x"}, {"no_images"}),
        ({"a.png": flat(1), "b.png": flat(2)}, {"no_class"}),
        ({"cat/a.png": flat(1)}, {"classes", "no_test"}),
        ({f"train/{n}.png": flat(1) for n in range(3)} | {"test/a.png": flat(1)}, {"no_class"}),
        ({"train/a/1.png": flat(1), "test/a/1.png": flat(1), "dev/a/1.png": flat(1)}, {"unknown_split"}),
        ({"train/a/1.png": flat(1), "train/b/1.png": flat(1), "test/c/1.png": flat(1)}, {"untrained_class"}),
        (animals() | {"cat/bad.png": b"no image", "dog/cut.png": flat(1)[:60]}, {"bad_image"}),
        (animals() | {"cat/long.png": flat(1, 1, 4097)}, {"bad_image"}),
        (animals() | {"cat/deep.png": image_of(np.zeros((8, 8), np.uint16))}, {"bad_image"}),
        (animals() | {"cat/film.png": image_of(np.zeros((8, 8), np.uint8), "GIF")}, {"bad_image"}),
    ],
)  # fmt: skip
def test_folders_that_are_no_data_set_are_told(tmp_path: Path, files: dict[str, bytes], expected: set[str]) -> None:
    assert codes(zip_of(tmp_path / "a.zip", files), "image_folder") == expected


def test_all_bad_images_are_told_and_none_twice(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", animals() | {f"cat/bad{n}.png": b"no" for n in range(7)})
    with pytest.raises(SpecError) as caught:
        inspect(path, "image_folder")
    assert [problem.path for problem in caught.value.problems] == [f"cat/bad{n}.png" for n in range(7)]


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
