"""What the platform does with uploaded files: examine them before they count, and remove them with all traces."""

from pathlib import Path

from engine.core.errors import Problem, SpecError
from engine.data.archive import Limits
from engine.data.dataset import datasets
from engine.data.store import DataStore
from engine.data.upload import Upload, UploadInfo, forget, keep

__all__ = ["Limits", "UploadInfo", "accept", "inspect", "remove", "upload_kinds"]


def upload_kinds() -> tuple[str, ...]:
    """The kinds of data sets that are read from an upload."""
    return tuple(kind for kind, cls in datasets.members().items() if issubclass(cls, Upload))


def inspect(path: Path, kind: str, limits: Limits | None = None) -> UploadInfo:
    """Examine a file that somebody uploaded; it is opened read-only and nothing is stored.

    Whatever bytes the file holds, the answer is its facts or a list of problems. It may take a while for large files.

    Args:
        path: the file.
        kind: what it is to be read as, one of :func:`upload_kinds`.
        limits: how large it may be.

    Raises:
        SpecError: it cannot be such a data set; all reasons at once.
    """
    cls = datasets.members().get(kind)
    if cls is None or not issubclass(cls, Upload):
        message = f"An upload is one of {', '.join(upload_kinds())}; {kind!r} was given."
        raise SpecError([Problem("kind", "unknown_kind", message)])
    limits, size = limits or Limits(), path.stat().st_size
    if not 0 < size <= limits.file_bytes:
        message = f"The file has {size} bytes, allowed are 1 to {limits.file_bytes}."
        raise SpecError([Problem("", "size", message)])
    return cls.examine(path, limits)


def accept(path: Path, kind: str, limits: Limits | None = None) -> UploadInfo:
    """Examine a file that lies in the folder of artifacts already and keep the facts beside it.

    Raises:
        SpecError: as :func:`inspect`; then nothing is kept.
    """
    info = inspect(path, kind, limits)
    keep(path, info)
    return info


def remove(store: DataStore, sha256: str) -> None:
    """Remove an upload: its file, the facts beside it and what was decoded from it; nothing happens if it is gone."""
    path = store.artifacts / sha256
    path.unlink(missing_ok=True)
    forget(path)
    store.forget_arrays(f"-{sha256[:16]}-")
