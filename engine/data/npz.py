"""Arrays of a NumPy archive, read without NumPy's own loader: nothing in it can be executed.

An array of Python objects lies in such a file as a pickle, and so it is refused by the look of its header.
"""

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.core.errors import Problem, SpecError
from engine.data.archive import Archive, Limits
from engine.data.malformed import MalformedFile

HEADER = re.compile(
    r"\{'descr': '(?P<descr>[^']{1,20})', 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>[0-9, ]{0,200})\), \}\s*"
)
"""What NumPy writes for plain arrays; anything else is refused, so no general parser is needed."""

PLAIN = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|U[1-9][0-9]{0,3})")
"""Booleans, integers, floating-point numbers and texts."""


def read_npz(path: Path, limits: Limits) -> dict[str, np.ndarray]:
    """All arrays of a ``.npz`` file by name, read-only.

    Raises:
        SpecError: it is no such file, or an array is not plain; all reasons at once.
    """
    arrays: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    with Archive(path, limits) as archive:
        for name in archive.names:
            try:
                arrays[name.removesuffix(".npy")] = parse_npy(archive.read(name), limits)
            except MalformedFile as error:
                problems.append(Problem(name, "bad_array", f"{error}."))
    if problems:
        raise SpecError(problems)
    return arrays


def parse_npy(content: bytes, limits: Limits) -> np.ndarray:
    """The array of a ``.npy`` file, read-only.

    Raises:
        MalformedFile: it is no such file, or its elements are not plain numbers or texts.

    Source: NumPy, numpy.lib.format, "Format Version 1.0" and 2.0.
    """
    if content[:6] != b"\x93NUMPY" or content[6:8] not in (b"\1\0", b"\2\0") or len(content) < 12:
        raise MalformedFile("this is not a NumPy array file of version 1 or 2")
    start, size = (10, struct.unpack_from("<H", content, 8)[0]) if content[6] == 1 else (12, _wide_size(content))
    header = HEADER.fullmatch(content[start : start + size].decode("latin-1"))
    if header is None or not PLAIN.fullmatch(header["descr"]):
        found = "an unreadable header" if header is None else f"elements of the type {header['descr']!r}"
        raise MalformedFile(f"the array has {found}; allowed are numbers and texts (object arrays are never unpickled)")
    shape = tuple(_axes(header["shape"]))
    kind = np.dtype(header["descr"])
    if len(shape) > 4 or math.prod(shape) > limits.values:
        raise MalformedFile(f"the array has the shape {shape}; allowed are 4 axes and {limits.values} elements")
    if math.prod(shape) * kind.itemsize != len(content) - start - size:
        raise MalformedFile(f"the header announces the shape {shape}, but {len(content) - start - size} bytes follow")
    flat = np.frombuffer(content, dtype=kind, offset=start + size)
    if kind.kind == "U" and not _is_text(flat):
        raise MalformedFile("the array has texts with characters that Unicode does not have")
    return flat.reshape(shape, order="F" if header["fortran"] == "True" else "C")


def _wide_size(content: bytes) -> int:
    return int(struct.unpack_from("<I", content, 8)[0])


def _is_text(flat: np.ndarray) -> bool:
    """Whether all characters exist; NumPy reads any number as one, and fails later."""
    codes = flat.view(np.dtype(np.uint32).newbyteorder(flat.dtype.byteorder))
    return bool(((codes < 0xD800) | ((codes > 0xDFFF) & (codes <= 0x10FFFF))).all())


def _axes(text: str) -> Iterator[int]:
    for part in text.split(","):
        if part.strip():
            if not part.strip().isdigit():
                raise MalformedFile(f"the shape ({text}) is not a list of numbers")
            yield int(part)
