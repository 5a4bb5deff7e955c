"""The IDX format of MNIST and its relatives: a header that names type and axes, then the raw numbers."""

import math
import struct

import numpy as np

from engine.core.errors import EngineError

UNSIGNED_BYTE = 0x08


class MalformedFile(EngineError):
    """A file of a data set is not of its format."""

    code = "malformed_file"


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
