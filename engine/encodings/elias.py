"""The recursive code of Elias: whole numbers from 1, small ones in few bits, without a limit.

The code of 1 is ``0``. That of a larger number is its binary form, before it that of its length less one, and so on
down to two bits; a zero ends it: 2 is ``10 0``, 4 is ``10 100 0``, 16 is ``10 100 10000 0``.

Source: P. Elias, Universal Codeword Sets and Representations of the Integers, 1975 (omega code); used by D. Alistarh et
al., QSGD, NIPS 2017, appendix A.
"""

import numpy as np

WINDOW = 16
"""Bits that a table looks at: as long as the longest code that it knows."""

_JUMP = 4


def codes_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes of numbers.

    Args:
        values: (n,) from 1, below 2 ** 32.

    Returns:
        (n,) uint64 with the bits of each code, and (n,) how many there are.
    """
    codes, lengths = np.zeros(len(values), dtype=np.uint64), np.ones(len(values), dtype=np.int64)
    left = values.astype(np.int64)
    while (left > 1).any():
        widths = np.where(left > 1, np.frexp(left.astype(np.float64))[1], 0).astype(np.int64)
        codes |= np.where(left > 1, left, 0).astype(np.uint64) << lengths.astype(np.uint64)
        lengths += widths
        left = np.where(left > 1, widths - 1, 1)
    return codes, lengths


def pack_codes(codes: np.ndarray, lengths: np.ndarray) -> bytes:
    """Codes one after another, the last byte filled up with ones."""
    total = int(lengths.sum())
    bits = np.ones(-(-total // 8) * 8, dtype=np.uint8)
    of_code = np.repeat(np.arange(len(codes)), lengths)
    shift = np.cumsum(lengths)[of_code] - 1 - np.arange(total)
    bits[:total] = (codes[of_code] >> shift.astype(np.uint64)) & np.uint64(1)
    return np.packbits(bits).tobytes()


def unpack_codes(payload: bytes, count: int, table: np.ndarray) -> np.ndarray:
    """(count,) which window each code begins with, read one after another.

    Every bit is taken for the beginning of a code at first, all at once; only which of them really are is followed from
    one to the next, four codes at a time.

    Args:
        payload: what :func:`pack_codes` wrote.
        count: codes to read.
        table: (2 ** WINDOW,) length of the code that a window begins with.
    """
    windows = _windows(payload)
    end = len(windows)
    after = np.append(np.minimum(np.arange(end, dtype=np.int32) + table[windows].astype(np.int32), end), np.int32(end))
    twice = after[after]
    jump = memoryview(twice[twice])
    place, firsts = 0, []
    for _ in range(-(-count // _JUMP)):
        firsts.append(place)
        place = jump[place]
    starts = np.empty((len(firsts), _JUMP), dtype=np.int64)
    starts[:, 0] = firsts
    starts[:, 1] = after[starts[:, 0]]
    starts[:, 2] = twice[starts[:, 0]]
    starts[:, 3] = after[starts[:, 2]]
    found: np.ndarray = windows[starts.ravel()[:count]]
    return found


def _windows(payload: bytes) -> np.ndarray:
    """(bits,) the next ``WINDOW`` bits at every bit of a payload; beyond its end all bits are one."""
    octets = np.frombuffer(payload + b"\xff\xff", np.uint8).astype(np.uint32)
    words = (octets[:-2] << 16) | (octets[1:-1] << 8) | octets[2:]
    shifts = np.arange(8, 0, -1, dtype=np.uint32)
    return ((words[:, None] >> shifts) & 0xFFFF).astype(np.uint16).ravel()
