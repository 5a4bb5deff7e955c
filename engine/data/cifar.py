"""The binary form of CIFAR: records of label bytes and pixels in a compressed tar archive.

The usual Python form of these sets is a pickle, which can run any code when it is read; it is never touched here.
"""

import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.data.malformed import MalformedFile

SHAPE = (3, 32, 32)
PIXEL_BYTES = 3 * 32 * 32


@dataclass(frozen=True)
class Records:
    """The images of some files of an archive.

    Attributes:
        labels: (N, L) uint8, the label bytes of each record.
        pixels: (N, 3, 32, 32) uint8, red, green, blue.
    """

    labels: np.ndarray
    pixels: np.ndarray


def read_records(path: Path, names: Sequence[str], *, num_records: int, num_labels: int) -> Records:
    """The records of some files of a binary CIFAR archive, in the order of the names.

    Args:
        path: the compressed tar archive; nothing of it is unpacked to disk.
        names: paths of the files within it.
        num_records: records of each file.
        num_labels: label bytes before the pixels of each record: 1 for CIFAR-10, 2 (coarse, fine) for CIFAR-100.

    Raises:
        MalformedFile: it is no such archive, or a file is missing or has another size.

    Source: A. Krizhevsky, The CIFAR-10 dataset, "Binary version".
    """
    width = num_labels + PIXEL_BYTES
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.name in names:
                    found[member.name] = _content(archive, member, num_records * width)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise MalformedFile(f"{path.name} is not a readable compressed tar archive: {error}.") from error
    if missing := [name for name in names if name not in found]:
        raise MalformedFile(f"{path.name} lacks {', '.join(missing)}.")
    raw = np.concatenate([np.frombuffer(found[name], dtype=np.uint8).reshape(num_records, width) for name in names])
    return Records(raw[:, :num_labels], raw[:, num_labels:].reshape(-1, *SHAPE))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, num_bytes: int) -> bytes:
    """The content of a plain file of the expected size; links are never followed."""
    file = archive.extractfile(member) if member.isreg() and member.size == num_bytes else None
    if file is None:
        raise MalformedFile(f"{member.name} should be a file of {num_bytes} bytes, it has {member.size}.")
    return file.read(num_bytes)
