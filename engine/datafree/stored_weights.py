"""What names files and weights by their content, so that a path that holds another file is another experiment."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.core.errors import DataUnavailable
from engine.models.model_file import read_model


def weights_digest(weights: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a model's weights, by name, shape and content, whatever file they come from."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def digest_in(path: Path) -> str:
    """:func:`weights_digest` of a model's file, remembered until the file changes.

    Raises:
        MalformedModel: it is no model's file.
    """
    return _weights_in(path, *_stamp(path))


def content_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, remembered until the file changes.

    Raises:
        DataUnavailable: there is no such file, or it cannot be read.
    """
    try:
        return _content_of(path, *_stamp(path))
    except OSError as error:
        raise DataUnavailable(f"The file {path} cannot be read: {error.strerror}.") from error


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=64)
def _weights_in(path: Path, changed_ns: int, size: int) -> str:
    return weights_digest(read_model(path)[1])


@lru_cache(maxsize=64)
def _content_of(path: Path, changed_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
