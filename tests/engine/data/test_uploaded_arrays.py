"""Uploaded arrays and tables: what is read, what is refused, and that nothing in them is ever run."""

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import SpecError
from engine.data.datasets.arrays import Arrays
from engine.data.store import DataStore
from engine.data.uploads import inspect
from tests.engine.data.files import codes, in_store, npz_of, zip_of


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
