"""The IDX format of MNIST and its relatives: a header that names type and axes, then the raw numbers."""

import gzip
import math
import struct

import numpy as np

from engine.data.dataset import Split
from engine.data.malformed import MalformedFile
from engine.data.pixels import Pixels
from engine.data.remote import RemoteFile
from engine.data.store import DataStore

UNSIGNED_BYTE = 0x08


def parse_idx(content: bytes) -> np.ndarray:
    """The array of an IDX file of unsigned bytes, uint8, read-only.

    The header is two zero bytes, the type code, the number of axes, and the length of each axis as a big-endian 32-bit
    number; the elements follow in row-major order.

    Raises:
        MalformedFile: the header is wrong, or the elements do not match it.

    Source: Y. LeCun, The MNIST database of handwritten digits, "File formats".
    """
    if len(content) < 4 or content[:3] != bytes((0, 0, UNSIGNED_BYTE)):
        raise MalformedFile("This is not an IDX file of unsigned bytes: its first bytes should be 00 00 08.")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise MalformedFile(f"The IDX header announces {content[3]} axes, but the file ends within it.")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if math.prod(shape) != len(content) - start:
        axes = "x".join(map(str, shape))
        raise MalformedFile(f"The IDX header announces {axes} elements, but {len(content) - start} bytes follow.")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def read_idx(store: DataStore, images: RemoteFile, labels: RemoteFile, pixels: Pixels) -> Split:
    """A split of gray images from its two gzip files.

    Raises:
        DataUnavailable: a file is missing or is not the declared one.
        MalformedFile: a file is not of its format.
    """
    raw = parse_idx(gzip.decompress(store.fetch(images).read_bytes()))
    y = parse_idx(gzip.decompress(store.fetch(labels).read_bytes()))
    return Split(pixels.standardized(raw[:, np.newaxis]), y.astype(np.int64))
