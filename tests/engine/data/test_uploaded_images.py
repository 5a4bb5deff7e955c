"""Uploaded archives of images: what is read, and which are refused before anything is unpacked."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import SpecError
from engine.data.archive import Limits
from engine.data.datasets.image_folder import ImageFolder
from engine.data.store import DataStore
from engine.data.uploads import inspect
from tests.engine.data.files import animals, codes, flat, image_of, in_store, zip_of


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
