"""What encodings share that send some of the numbers of a message and drop the others."""

import struct

import numpy as np

COUNT = struct.Struct("<I")
"""How many numbers follow."""


def count_of(fraction: float, total: int) -> int:
    """How many of ``total`` numbers a share is: at least one, if there are any."""
    return min(total, max(1, round(fraction * total)))


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """(count,) places of the numbers of largest size, ascending; of equal ones, any."""
    return np.sort(np.argpartition(np.abs(values), len(values) - count)[len(values) - count :])


def floats_at(payload: bytes, count: int, offset: int) -> np.ndarray:
    """(count,) numbers of four bytes each."""
    return np.frombuffer(payload, "<f4", count=count, offset=offset)


def as_float32(values: np.ndarray) -> bytes:
    """Numbers in four bytes each."""
    return values.astype("<f4").tobytes()
