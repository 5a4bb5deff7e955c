"""Zip archives from anywhere: looked at before anything is unpacked, and never unpacked to disk."""

import hashlib
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType

from engine.core.errors import Problem, SpecError
from engine.data.malformed import MalformedFile, refused

METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
LITTER = re.compile(r"(^|/)(__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)")
"""What file managers leave in archives; it is passed over."""

ENTRY_BYTES = 400
"""Most bytes of an entry in the list of contents, on average over all entries."""

MOST_NAMED = 5
"""Entries that one problem names; the others are counted."""


@dataclass(frozen=True)
class Limits:
    """How large an upload may be.

    Attributes:
        file_bytes: the file itself.
        entries: files in an archive.
        unpacked_bytes: content of all files of an archive together.
        entry_bytes: content of one file.
        ratio: unpacked to packed bytes of archives that unpack to more than ``ratio_from_bytes``.
        ratio_from_bytes: see ``ratio``; small archives of zeros are no danger.
        side: pixels along an edge of an image.
        pixels: pixels of all images together.
        values: numbers of a table or array, all together.
        rows: lines of a table.
        classes: classes.
    """

    file_bytes: int = 2 << 30
    entries: int = 200_000
    unpacked_bytes: int = 8 << 30
    entry_bytes: int = 4 << 30
    ratio: int = 100
    ratio_from_bytes: int = 256 << 20
    side: int = 4096
    pixels: int = 1 << 32
    values: int = 1 << 28
    rows: int = 10_000_000
    classes: int = 10_000


class Archive:
    """An open zip archive whose list of contents has been checked; use it in a ``with`` statement.

    Args:
        path: the file.
        limits: how large it may be.

    Raises:
        SpecError: it is no zip file, or its list of contents is dangerous; all reasons at once.
    """

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._check_directory(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
            raise refused("not_a_zip", f"This is not a readable zip archive: {error}.") from error
        # not info.is_dir(), which fails on an empty name
        files = [info for info in self._zip.infolist() if not info.filename.endswith("/")]
        problems = list(_dangers(files, path.stat().st_size, self.limits))
        if problems:
            self._zip.close()
            raise SpecError(problems)
        self._files = {info.filename: info for info in files if not LITTER.search(info.filename)}
        self.num_ignored = len(files) - len(self._files)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the files, sorted."""
        return tuple(sorted(self._files))

    def read(self, name: str) -> bytes:
        """The content of a file, never more than its list of contents announced.

        Raises:
            MalformedFile: it cannot be unpacked, or is not what was announced.
        """
        try:
            with self._zip.open(self._files[name]) as file:
                return file.read(self._files[name].file_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError, struct.error) as error:
            raise MalformedFile(f"{name} cannot be unpacked: {error}.") from error

    def _check_directory(self, path: Path) -> None:
        """Refuse a list of contents that alone would fill the memory, before it is read."""
        size = path.stat().st_size
        if size > self.limits.file_bytes:
            raise refused("too_large", f"The file has {size} bytes, allowed are {self.limits.file_bytes}.")
        if directory_bytes(path) > self.limits.entries * ENTRY_BYTES:
            raise refused("too_many_files", f"The archive lists more than the {self.limits.entries} files allowed.")


def directory_bytes(path: Path) -> int:
    """Bytes of a zip archive's list of contents, from its end record; 0 if there is none.

    Source: PKWARE, APPNOTE.TXT, ZIP File Format Specification, sections 4.3.14 to 4.3.16.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        start = max(0, size - (1 << 16) - 42)
        file.seek(start)
        tail = file.read()
        place = tail.rfind(b"PK\5\6")
        if place < 0 or len(tail) < place + 22:
            return 0
        listed = int(struct.unpack_from("<I", tail, place + 12)[0])
        if listed != 0xFFFFFFFF:
            return listed
        wide = tail.rfind(b"PK\6\6", 0, place)
        return int(struct.unpack_from("<Q", tail, wide + 40)[0]) if 0 <= wide <= len(tail) - 56 else 0


def content_digest(path: Path, pattern: str, most_bytes: int) -> str:
    """SHA-256 over names and contents of an archive's files, the same however they are packed.

    Args:
        path: the archive.
        pattern: regular expression that a file's path must match as a whole to count; its group ``name`` is its name.
        most_bytes: content that may be read; more means another archive.

    Returns:
        The hex digest of the lines "content's SHA-256, blank, name" in order of names; empty if it is no such archive.
    """
    wanted = re.compile(pattern)
    try:
        with Archive(path, Limits(unpacked_bytes=2 * most_bytes)) as archive:
            found = {match["name"]: name for name in archive.names if (match := wanted.fullmatch(name))}
            lines = [f"{hashlib.sha256(archive.read(found[name])).hexdigest()} {name}\n" for name in sorted(found)]
    except (SpecError, MalformedFile):
        return ""
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _dangers(files: list[zipfile.ZipInfo], size_bytes: int, limits: Limits) -> Iterator[Problem]:
    packed, unpacked = sum(info.compress_size for info in files), sum(info.file_size for info in files)
    if len(files) > limits.entries:
        yield _problem("too_many_files", f"the archive has {len(files)} files, allowed are {limits.entries}")
    if unpacked > limits.unpacked_bytes:
        message = f"the archive unpacks to {unpacked} bytes, allowed are {limits.unpacked_bytes}"
        yield _problem("zip_bomb", message)
    if unpacked > max(limits.ratio_from_bytes, limits.ratio * size_bytes):
        message = f"the archive unpacks to {unpacked / size_bytes:.0f} times its size, allowed is {limits.ratio} times"
        yield _problem("zip_bomb", message)
    if packed > size_bytes:
        yield _problem("zip_bomb", "the archive's files overlap: together they are larger than the archive")
    repeated = [name for name, count in Counter(info.filename for info in files).items() if count > 1]
    faults = (
        ("unsafe_path", "lead out of the archive or are no plain paths", lambda info: not _is_plain(info)),
        ("symlink", "are links or devices, not files", lambda info: not _is_regular(info)),
        ("encrypted", "are encrypted", lambda info: bool(info.flag_bits & 0x1)),
        ("compression", "are packed by a method other than deflate", lambda info: info.compress_type not in METHODS),
        ("too_large", f"exceed {limits.entry_bytes} bytes", lambda info: info.file_size > limits.entry_bytes),
    )
    for code, words, is_faulty in faults:
        if names := [info.orig_filename for info in files if is_faulty(info)]:
            yield _problem(code, f"{named(names)} {words}")
    if repeated:
        yield _problem("repeated_path", f"{named(repeated)} occur more than once")


def named(names: list[str]) -> str:
    """The first names quoted, and how many more there are."""
    shown = ", ".join(repr(name[:200]) for name in names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown} and {len(names) - MOST_NAMED} more"


def _is_plain(info: zipfile.ZipInfo) -> bool:
    """Whether the path is relative, goes only down and has no sign that some system reads in its own way."""
    name = info.orig_filename
    parts = PurePosixPath(name).parts
    plain = name.isprintable() and "\\" not in name and ":" not in name
    return plain and bool(parts) and parts[0] != "/" and ".." not in parts


def _is_regular(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)
    return kind in (0, stat.S_IFREG)


def _problem(code: str, message: str) -> Problem:
    return Problem("", code, f"{message[0].upper()}{message[1:]}.")
