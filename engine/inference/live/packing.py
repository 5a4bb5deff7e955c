"""Parts of tensors as the bytes of a message, and back: as many as the plan says, nothing else."""

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError

Values = NDArray[np.float32]

RANGE = np.dtype("<f4")
"""The least value and the step of narrowed tensors."""


def pack(values: NDArray[np.generic], bits: int) -> bytes:
    """A tensor as bytes, in fewer bits if need be.

    Args:
        values: (1, ...) of any type if they travel as they are, float32 otherwise.
        bits: of each value, 32, 8 or 4; tokens travel as they are.
    """
    if bits == 32:
        return np.ascontiguousarray(values).tobytes()
    flat = values.astype(np.float32).ravel()
    low = flat.min()
    step = np.maximum((flat.max() - low) / np.float32(2**bits - 1), np.finfo(np.float32).tiny)
    codes: NDArray[np.uint8] = np.rint((flat - low) / step).astype(np.uint8)
    if bits == 4:
        padded = np.append(codes, np.uint8(0)) if len(codes) % 2 else codes
        codes = padded[0::2] << np.uint8(4) | padded[1::2]
    head: bytes = np.array([low, step], RANGE).tobytes()
    body: bytes = codes.tobytes()
    return head + body


def unpack(body: bytes, shape: tuple[int, ...], bits: int, kind: np.dtype[np.generic]) -> NDArray[np.generic]:
    """The tensor of :func:`pack`.

    Args:
        body: the bytes.
        shape: of the tensor, with the batch axis.
        bits: of each value.
        kind: type of values that travel as they are.

    Raises:
        EngineError: there are too many bytes or too few.
    """
    count = int(np.prod(shape))
    expected = count * kind.itemsize if bits == 32 else -(-count * bits // 8) + 2 * RANGE.itemsize
    if len(body) != expected:
        raise EngineError(f"a tensor of {expected} bytes was expected, and {len(body)} came")
    if bits == 32:
        return np.frombuffer(body, kind).reshape(shape).copy()
    low, step = np.frombuffer(body[: 2 * RANGE.itemsize], RANGE)
    codes = np.frombuffer(body[2 * RANGE.itemsize :], np.uint8)
    if bits == 4:
        codes = np.stack([codes >> 4, codes & 15], axis=1).ravel()[:count]
    found: NDArray[np.generic] = (codes.astype(np.float32) * step + low).reshape(shape)
    return found
