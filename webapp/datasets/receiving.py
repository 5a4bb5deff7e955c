"""Files that arrive in parts: a part may come twice, in any order and long after the others; a restart loses nothing.

The folder ``uploads/<id>`` holds the file, grown to its full size with the first part, and an empty mark for each part
that is there.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

from engine.core.errors import Problem, SpecError

CHUNK_BYTES = 1 << 20
FILE = "file"


class Incoming(Protocol):
    """What arrives: a data set, or the weights of a model."""

    pk: Any
    """Names its folder."""
    size_bytes: int
    """Of the whole file."""


def folder_of(upload: Incoming) -> Path:
    """Where its parts are put."""
    return Path(settings.UPLOADS_FOLDER) / str(upload.pk)


def file_of(upload: Incoming) -> Path:
    """The file that is being put together."""
    return folder_of(upload) / FILE


def num_parts(upload: Incoming) -> int:
    """How many parts it comes in."""
    return -(-upload.size_bytes // settings.UPLOAD_PART_BYTES)


def part_size(upload: Incoming, number: int) -> int:
    """Bytes of a part: all are equal but the last."""
    start = number * settings.UPLOAD_PART_BYTES
    return min(settings.UPLOAD_PART_BYTES, upload.size_bytes - start)


def missing_parts(upload: Incoming) -> list[int]:
    """Numbers of the parts that have not arrived, from 0."""
    folder = folder_of(upload)
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return [number for number in range(num_parts(upload)) if str(number) not in there]


def write_part(upload: Incoming, number: int, data: bytes, sha256: str = "") -> None:
    """Take a part in.

    Args:
        upload: to which it belongs.
        number: its place, from 0.
        data: its bytes.
        sha256: checksum of the part, if the sender tells one.

    Raises:
        SpecError: there is no such part, or it has another size or checksum.
    """
    problems = []
    if not 0 <= number < num_parts(upload):
        message = f"parts are numbered 0 to {num_parts(upload) - 1}; given: {number}"
        raise SpecError([Problem("number", "out_of_range", message)])
    if len(data) != part_size(upload, number):
        message = f"part {number} has {part_size(upload, number):,} bytes; given: {len(data):,}"
        problems.append(Problem("body", "wrong_size", message))
    if sha256 and sha256 != hashlib.sha256(data).hexdigest():
        message = f"part {number} did not arrive as it was sent: its checksum differs from the one given with it"
        problems.append(Problem("body", "checksum_mismatch", message))
    if problems:
        raise SpecError(problems)
    folder = folder_of(upload)
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(file_of(upload)) as file:
        file.seek(number * settings.UPLOAD_PART_BYTES)
        file.write(data)
    (folder / str(number)).touch()


def write_whole(upload: Incoming, pieces: Iterable[bytes]) -> None:
    """Take in a file that came in one piece."""
    folder_of(upload).mkdir(parents=True, exist_ok=True)
    with file_of(upload).open("wb") as file:
        for piece in pieces:
            file.write(piece)
    for number in range(num_parts(upload)):
        (folder_of(upload) / str(number)).touch()


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return checksum_of(iter(lambda: file.read(CHUNK_BYTES), b""))


def checksum_of(pieces: Iterable[bytes]) -> str:
    """SHA-256 of bytes that come in pieces."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def discard(upload: Incoming) -> None:
    """Remove whatever of it has arrived."""
    shutil.rmtree(folder_of(upload), ignore_errors=True)


def _opened(path: Path) -> BinaryIO:
    """The file for writing in the middle; made if it is not there, never emptied."""
    path.touch()
    return path.open("r+b")


class Quota(FileUploadHandler):
    """Refuses a form with files that are larger together than a form may bring, before anything is read."""

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        """Look at the announced length alone.

        Raises:
            RequestDataTooBig: it is too large; larger files come in parts.
        """
        length = args[2] if len(args) > 2 else kwargs.get("content_length", 0)
        if isinstance(length, int) and length > settings.UPLOAD_FORM_BYTES:
            raise RequestDataTooBig(
                f"A form may bring {settings.UPLOAD_FORM_BYTES:,} bytes; larger files come in parts."
            )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Hand the data on."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""
