"""Makes files of the formats of data sets, right and wrong ones."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import SpecError
from engine.data.archive import Limits
from engine.data.uploads import inspect


def zip_of(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """A zip archive of these files, in this order."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tar_of(path: Path, files: Mapping[str, bytes]) -> Path:
    """A compressed tar archive of these files, in this order."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def image_of(pixels: np.ndarray, form: str = "PNG") -> bytes:
    """Pixels (H, W) or (H, W, 3) as an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def flat(value: int, height: int = 8, width: int = 8) -> bytes:
    """A gray PNG of one value."""
    return image_of(np.full((height, width), value, dtype=np.uint8))


def npz_of(path: Path, **arrays: np.ndarray) -> Path:
    """A NumPy archive."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=True, **arrays)
    return path


def in_store(home: Path, path: Path) -> str:
    """Put a file where uploads lie and tell its SHA-256."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    (home / "artifacts").mkdir(parents=True, exist_ok=True)
    (home / "artifacts" / sha256).write_bytes(content)
    return sha256


def animals(count: int = 10) -> dict[str, bytes]:
    """Two classes of flat gray images: cats of 0, dogs of 255."""
    return {f"{name}/{n:02}.png": flat(value) for name, value in (("cat", 0), ("dog", 255)) for n in range(count)}


def codes(path: Path, kind: str, limits: Limits | None = None) -> set[str]:
    """Codes of the problems for which a file is refused."""
    with pytest.raises(SpecError) as caught:
        inspect(path, kind, limits)
    assert all(problem.message for problem in caught.value.problems)
    return {problem.code for problem in caught.value.problems}
