"""Messages of an exact size that hold a real tensor, as safetensors behind a length."""

import json
import struct

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError

FRAME = struct.Struct("<III")
"""Length of the body, the item of the trace, and the repetition: what stands before every message."""

LEAST_TENSOR_BYTES = 96
"""Shorter bodies have no room for the description of a tensor and are plain bytes."""

NAME = "tensor"


def body_bytes(size: int) -> int:
    """Bytes that are left for the body of a message of that size; framing counts."""
    return max(0, size - FRAME.size)


def pack(values: NDArray[np.float32], size: int) -> bytes:
    """A body of exactly that many bytes: the values, repeated or cut to fit, as safetensors.

    Args:
        values: (K,) numbers, at least one.
        size: bytes of the body.
    """
    if size < LEAST_TENSOR_BYTES:
        return np.resize(values.view(np.uint8), size).tobytes()
    count = (size - LEAST_TENSOR_BYTES) // 4
    tensor = np.resize(values, count)
    header = json.dumps({NAME: {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    # The format lets the header end in blanks, which makes the size exact.
    header = header.ljust(size - 8 - 4 * count)
    return struct.pack("<Q", len(header)) + header + tensor.tobytes()


def unpack(body: bytes) -> NDArray[np.float32] | None:
    """The tensor of a body; None if it is too short to hold one.

    Raises:
        EngineError: the body was changed on its way.
    """
    if len(body) < LEAST_TENSOR_BYTES:
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensor: NDArray[np.float32] = load(body)[NAME]
    except (SafetensorError, KeyError) as error:
        raise EngineError(f"a message arrived that holds no tensor: {error}") from None
    return tensor
