"""Fields of bits, packed and unpacked many at once; the first bit of a byte is its highest."""

import math

import numpy as np

GOLDEN = (math.sqrt(5) + 1) / 2


def packed_bytes(count: int, width: int) -> int:
    """Bytes of so many fields of so many bits."""
    return -(-count * width // 8)


def pack(values: np.ndarray, width: int) -> bytes:
    """Whole numbers as fields of equal width.

    Args:
        values: (n,) from 0, below 2 ** width.
        width: bits of each, 0 to 32.
    """
    if not width:
        return b""
    octets = np.ascontiguousarray(values, dtype=">u4").view(np.uint8).reshape(-1, 4)
    return np.packbits(np.unpackbits(octets, axis=1)[:, 32 - width :]).tobytes()


def unpack(payload: bytes, count: int, width: int) -> np.ndarray:
    """(count,) int64, what :func:`pack` wrote; bytes beyond are not read."""
    if not width:
        return np.zeros(count, dtype=np.int64)
    bits = np.unpackbits(_octets(payload, packed_bytes(count, width)), count=count * width).reshape(count, width)
    full = np.zeros((count, 32), dtype=np.uint8)
    full[:, 32 - width :] = bits
    return np.packbits(full, axis=1).view(">u4").ravel().astype(np.int64)


def rice_width(count: int, total: int) -> int:
    """Bits of the remainder for which gaps between ``count`` random places among ``total`` take least room.

    Source: F. Sattler et al., Robust and Communication-Efficient Federated Learning from Non-IID Data, 2019 (arXiv
    1903.02891), the optimal b* of its position encoding (after Golomb, Run-length encodings, 1966).
    """
    if count >= total:
        return 0
    ratio = math.log(GOLDEN - 1) / math.log1p(-count / total)
    return max(0, 1 + math.floor(math.log2(ratio)))


def pack_places(places: np.ndarray, total: int) -> bytes:
    """Distinct places as the Rice code of the gaps between them: all remainders, then all quotients in unary.

    A gap counts the places that are skipped; a quotient q is q ones and a zero.

    Args:
        places: (k,) ascending, from 0, below ``total``.
        total: places that there are.
    """
    width = rice_width(len(places), total)
    gaps = np.diff(places, prepend=-1) - 1
    quotients = gaps >> width
    unary = np.ones(len(places) + int(quotients.sum()), dtype=np.uint8)
    unary[np.cumsum(quotients + 1) - 1] = 0
    return pack(gaps & ((1 << width) - 1), width) + np.packbits(unary).tobytes()


def unpack_places(payload: bytes, count: int, total: int) -> np.ndarray:
    """(count,) int64, what :func:`pack_places` wrote."""
    width = rice_width(count, total)
    unary = np.unpackbits(_octets(payload, offset=packed_bytes(count, width)))
    quotients = np.diff(np.flatnonzero(unary == 0)[:count], prepend=-1) - 1
    return np.cumsum((quotients << width) + unpack(payload, count, width) + 1) - 1


def places_bytes(count: int, total: int) -> int:
    """Expected bytes of :func:`pack_places` for random places.

    A gap is geometric with chance ``count / total``, so a quotient reaches q with chance r ** q, r being the chance to
    skip 2 ** width places.
    """
    width = rice_width(count, total)
    if count >= total:
        return packed_bytes(count, 1)
    skip = (1 - count / total) ** (1 << width)
    return packed_bytes(count, width) + math.ceil(count * (1 + skip / (1 - skip)) / 8)


def _octets(payload: bytes, count: int = -1, offset: int = 0) -> np.ndarray:
    return np.frombuffer(payload, np.uint8, count=count, offset=offset)
