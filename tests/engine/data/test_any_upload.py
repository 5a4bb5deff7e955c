"""Uploads under fire: files of each kind, whole or damaged; facts or problems come out, nothing runs."""

import io
import pickle
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.errors import Problem, SpecError
from engine.data.uploads import inspect, upload_kinds
from tests.engine.data.files import animals, flat, zip_of

KINDS = st.sampled_from(upload_kinds())
NAMES = st.sampled_from(
    ["cat/0.png", "dog/0.png", "/etc/passwd.png", "../../up.png", "cat/../../up.png", "C:\\a\\b.png", "\\\\host\\b.png",
     "",
     "cat/", "train/cat/0.png", "test/cat/0.png", "cat/\x00.png", "cat/é🙂.png", "a/" * 300 + "b.png", "x.npy", "y.npy",
     "users.npy", "x_train.npy", ".hidden/a.png", "inner.zip", "__MACOSX/a.png", "cat/\x1b[2J.png"]
)  # fmt: skip
HEADERS = st.sampled_from(
    [
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (-1, 4), }",
        "{'descr': '<f8', 'shape': (1,)}",
        "__import__('os').system('true')",
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<U9999', 'fortran_order': False, 'shape': (9,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1, " * 60 + "), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<M8', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 190 + "), }",
        "é" * 20,
        "",
    ]
)


class Trap:
    """What a pickle would run if anybody opened it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("an upload was unpickled",))


def npy(header: str, body: bytes) -> bytes:
    """A ``.npy`` file with that header, right or wrong."""
    text = header.encode("latin-1", "replace")
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + body


def saved(array: np.ndarray) -> bytes:
    """An array as NumPy saves it, objects pickled."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """A ``.npy`` file: plain, of objects, or with any header."""
    match draw(st.sampled_from(["plain", "objects", "header"])):
        case "plain":
            dtype = draw(st.sampled_from(["<f8", "<i4", "|u1", "?", "<U3", "<c16", "<M8[s]", ">f4", "<f2"]))
            shape = draw(
                st.sampled_from([(10,), (10, 2), (10, 2, 2), (10, 2, 2, 3), (0,), (1, 1, 1, 1, 1), (), (9, 2)])
            )
            values = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
            return saved(np.resize(np.array(values), shape).astype(dtype))
        case "objects":
            return saved(np.array([Trap()] * 3, dtype=object))
        case _:
            return npy(draw(HEADERS), draw(st.binary(max_size=48)))


@st.composite
def archives(draw: st.DrawFn, depth: int = 0) -> bytes:
    """A zip archive of anything under any name: images, arrays, pickles, links, other archives."""
    contents = arrays() | st.sampled_from([flat(9), flat(9)[:-20], b"", pickle.dumps(Trap()), b"\0" * 5000])
    if depth < 2:
        contents |= archives(depth=depth + 1)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        good = animals(3) if draw(st.booleans()) else {}
        for name, content in good.items():
            archive.writestr(name, content)
        for name in draw(st.lists(NAMES, max_size=4, unique=True)):
            entry = zipfile.ZipInfo("placeholder")
            entry.filename = entry.orig_filename = name
            entry.compress_type = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
            entry.external_attr = draw(st.sampled_from([0, 0o120777 << 16, 0o060666 << 16, 0o100644 << 16]))
            archive.writestr(entry, draw(contents))
    return file.getvalue()


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A table with cells of any sort."""
    cells = st.sampled_from(
        ["1", "2.5", "a", "", "1e999", "nan", "-inf", "0x10", "=cmd()", '"', '"a,b"', "🙂", "\0", "1" * 400]
    )
    heads = st.sampled_from(["a", "b", "label", "split", "user", "y", "", "a", "LABEL"])
    mark = draw(st.sampled_from([",", ";", "\t"]))
    width = draw(st.integers(0, 4))
    rows = [draw(st.lists(heads, min_size=width, max_size=width))]
    rows += draw(st.lists(st.lists(cells, min_size=max(0, width - 1), max_size=width + 1), max_size=12))
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(mark.join(row) for row in rows)
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])), "surrogatepass")


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file of any of these sorts, whole, cut, with flipped bits, or with something before or behind it."""
    content = bytearray(draw(archives() | arrays() | tables()))
    match draw(st.sampled_from(["whole", "whole", "cut", "flipped", "around"])):
        case "cut":
            del content[draw(st.integers(0, len(content))) :]
        case "flipped":
            for _ in range(draw(st.integers(1, 5))):
                if content:
                    content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
        case "around":
            content = bytearray(draw(st.binary(max_size=6))) + content + bytearray(draw(st.binary(max_size=30)))
    return bytes(content)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the upload lies; whoever unpickles anything fails."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("an upload was unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    return tmp_path / "upload"


def try_file(file: Path, kind: str, content: bytes) -> None:
    file.write_bytes(content)
    problems: Sequence[Problem] = ()
    try:
        info = inspect(file, kind)
    except SpecError as error:
        problems = error.problems
        info = None
    assert (info is None) == bool(problems)
    for problem in problems:
        assert problem.code
        assert 0 < len(problem.message) < 5000
        assert "Traceback" not in problem.message
        f"{problem.path} {problem.message}".encode()
    if info is not None:
        assert info.num_train > 0
        assert info.classes
        assert np.isfinite(info.mean).all()
        assert (np.array(info.std) > 0).all()
    assert [one.name for one in file.parent.iterdir()] == ["upload"]


def at_most(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@at_most(400)
@given(kind=KINDS, content=files())
def test_any_file(kind: str, content: bytes, file: Path) -> None:
    try_file(file, kind, content)


@pytest.mark.full
@at_most(10_000)
@given(kind=KINDS, content=files())
def test_ten_thousand_files(kind: str, content: bytes, file: Path) -> None:
    try_file(file, kind, content)


def test_the_trap_would_spring(tmp_path: Path) -> None:
    """A negative control: what the tests above hide in files does run when it is unpickled."""
    path = zip_of(tmp_path / "a.npz", {"x.npy": saved(np.array([Trap()], dtype=object))})
    with np.load(path, allow_pickle=True) as opened, pytest.raises(pytest.fail.Exception, match="unpickled"):
        opened["x"]
