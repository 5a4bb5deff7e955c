"""Makes files of the formats of data sets, right and wrong ones."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


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
    import hashlib

    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    (home / "artifacts").mkdir(parents=True, exist_ok=True)
    (home / "artifacts" / sha256).write_bytes(content)
    return sha256
