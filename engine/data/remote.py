"""A file of a data set: its name, where it can be had, and how it is recognized."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.data.archive import content_digest

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class RemoteFile:
    """A file that a data set needs.

    The same content may lie in differently compressed files (other level, other time stamp), so a gzip file may declare
    the checksum of its decompressed content, and any file with that content is accepted. So may a zip archive: mirrors
    that pack a repository on demand never serve the same bytes for long.
    """

    name: str
    """Path below a data folder, ``mnist/train-images-idx3-ubyte.gz``."""
    urls: tuple[str, ...]
    """Mirrors, tried in order."""
    sha256: str
    """Of the file as the mirrors serve it."""
    size_bytes: int
    """Of the file as the mirrors serve it."""
    content_sha256: str = ""
    """Of the decompressed content of a gzip file, or of a zip archive's files as
    :func:`engine.data.archive.content_digest` tells; empty if only the file itself counts."""
    content_bytes: int = 0
    """Size of the decompressed content."""
    zip_pattern: str = ""
    """For a zip archive: which of its files count, see :func:`engine.data.archive.content_digest`.

    ``sha256`` and ``size_bytes`` are then those of one packing; the one that a mirror serves may differ.
    """

    is_ambiguous: bool = False
    """Whether another data set has a file of this name, so that it is looked for only in the set's own folder."""

    @property
    def is_repacked(self) -> bool:
        """Whether mirrors may pack the content in another way, so that the size of the file is not known."""
        return bool(self.zip_pattern)

    @property
    def most_bytes(self) -> int:
        """Bytes after which a download is surely another file."""
        return 2 * self.size_bytes if self.is_repacked else self.size_bytes

    @property
    def digest(self) -> str:
        """The checksum that decides, with what it is of."""
        if self.content_sha256:
            return f"sha256 {self.content_sha256} of the decompressed content"
        return f"sha256 {self.sha256}"


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


def matches(path: Path, remote: RemoteFile) -> bool:
    """Whether the file at that path is the declared one, or has its declared content."""
    if path.stat().st_size == remote.size_bytes:
        with path.open("rb") as file:
            if _sha256(file, remote.size_bytes) == remote.sha256:
                return True
    if not remote.content_sha256:
        return False
    if remote.zip_pattern:
        return content_digest(path, remote.zip_pattern, remote.content_bytes) == remote.content_sha256
    try:
        with gzip.open(path, "rb") as content:
            return _sha256(content, remote.content_bytes) == remote.content_sha256
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return False


def _sha256(file: _Readable, limit: int) -> str:
    """Checksum of a stream; empty as soon as it is longer than the limit, so that a gzip bomb costs nothing."""
    digest, total = hashlib.sha256(), 0
    while chunk := file.read(CHUNK_BYTES):
        total += len(chunk)
        if total > limit:
            return ""
        digest.update(chunk)
    return digest.hexdigest()
