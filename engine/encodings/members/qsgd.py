"""Few levels, rounded at random, in a code that spends few bits on small ones."""

import math
from functools import cache
from statistics import NormalDist
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.encodings.bits import pack, packed_bytes, unpack
from engine.encodings.buckets import Rounded, bucketed, num_buckets, rounded
from engine.encodings.elias import WINDOW, codes_of, pack_codes, unpack_codes
from engine.encodings.encoding import Encoded, Tensors, encodings, joined, num_values, parted
from engine.encodings.sparse import as_float32, floats_at


@encodings.register
class Qsgd(Rounded):
    """Each number is rounded at random to one of a few levels of its bucket's norm, so that the mean is right.

    A number v of a bucket with norm N becomes N * sign(v) * l / levels, l being levels * |v| / N rounded up or down.
    The code of Elias takes l + 1 and, where l is not 0, a bit for the sign; fixed takes as many bits as all values
    need. A bucket's norm takes four bytes.
    """

    source: ClassVar[str] = (
        "D. Alistarh et al., QSGD: Communication-Efficient SGD via Gradient Quantization and Encoding, NIPS 2017, "
        "section 3.1 and lemma 3.1; buckets of its experiments; dense form of its code of Elias"
    )
    equation: ClassVar[str] = "Q(v)ᵢ = ‖v‖ · sign(vᵢ) · lᵢ / s, lᵢ = s|vᵢ| / ‖v‖ rounded at random, E Q(v) = v"
    suits_weights: ClassVar[bool] = True
    size_tolerance: ClassVar[float] = 0.05
    kind: Literal["qsgd"] = "qsgd"
    """Few levels."""

    levels: Annotated[int, Field(ge=1, le=127)] = 23
    """Levels above 0 (s). At the square root of the bucket no more is lost than was there, on average, and a number
    takes about 3 bits; 1 leaves only signs and zeros."""

    bucket: Annotated[int, Field(ge=1, le=65536)] = 512
    """Neighboring numbers that share a norm (d), wherever arrays begin."""

    norm: Literal["l2", "max"] = "l2"
    """What levels are shares of: the Euclidean norm of the bucket, as in the source's theory, or its largest number, as
    in its experiments, which loses less and takes more bits."""

    coding: Literal["elias", "fixed"] = "elias"
    """How levels become bits."""

    @override
    def compress(self, floats: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        values = joined(floats)
        rows = bucketed(values, self.bucket)
        norms = np.abs(rows).max(axis=1) if self.norm == "max" else np.linalg.norm(rows.astype(np.float64), axis=1)
        norms = norms.astype(np.float32)
        scale = np.divide(self.levels, norms, out=np.zeros(len(norms)), where=norms > 0)
        levels = np.clip(rounded(rows * scale[:, None], draw), -self.levels, self.levels)
        return Encoded(as_float32(norms) + self._coded(levels.ravel()[: len(values)].astype(np.int64)))

    @override
    def restore(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        total = num_values(like)
        norms = floats_at(payload, num_buckets(total, self.bucket), 0)
        levels = self._decoded(payload[norms.nbytes :], total)
        rows = bucketed(levels.astype(np.float32), self.bucket) * (norms / np.float32(self.levels))[:, None]
        return parted(rows.ravel()[:total], like)

    @override
    def compressed_bytes(self, like: Tensors) -> int:
        """With the code of Elias, for normally distributed numbers of one width in each bucket."""
        total = num_values(like)
        if self.coding == "fixed":
            return 4 * num_buckets(total, self.bucket) + packed_bytes(total, self._width)
        bits = _expected_bits(self.levels, min(self.bucket, max(total, 1)), self.norm)
        return 4 * num_buckets(total, self.bucket) + math.ceil(total * bits / 8)

    @property
    @override
    def variance(self) -> float:
        """Lemma 3.1 for the Euclidean norm; half a level of each number for the largest one."""
        d, s = self.bucket, self.levels
        return d / (4 * s**2) if self.norm == "max" else min(d / s**2, math.sqrt(d) / s)

    @property
    def _width(self) -> int:
        return (2 * self.levels).bit_length()

    def _coded(self, levels: np.ndarray) -> bytes:
        if self.coding == "fixed":
            return pack(levels + self.levels, self._width)
        codes, lengths = _symbols(self.levels)
        return pack_codes(codes[levels + self.levels], lengths[levels + self.levels])

    def _decoded(self, payload: bytes, count: int) -> np.ndarray:
        if self.coding == "fixed":
            return unpack(payload, count, self._width) - self.levels
        length_of, level_of = _tables(self.levels)
        found: np.ndarray = level_of[unpack_codes(payload, count, length_of)]
        return found


@cache
def _symbols(levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Code and length of every level from -levels to levels: Elias of the size and one, then 1 where negative."""
    signed = np.arange(-levels, levels + 1)
    codes, lengths = codes_of(np.abs(signed) + 1)
    has_sign = (signed != 0).astype(np.int64)
    return (codes << has_sign.astype(np.uint64)) | (signed < 0).astype(np.uint64), lengths + has_sign


@cache
def _tables(levels: int) -> tuple[np.ndarray, np.ndarray]:
    """For every window of bits the length of the code at its beginning, and its level."""
    length_of = np.ones(1 << WINDOW, dtype=np.int64)
    level_of = np.zeros(1 << WINDOW, dtype=np.int64)
    for level, code, length in zip(range(-levels, levels + 1), *_symbols(levels), strict=True):
        first = int(code) << (WINDOW - int(length))
        reach = slice(first, first + (1 << (WINDOW - int(length))))
        length_of[reach], level_of[reach] = length, level
    return length_of, level_of


@cache
def _expected_bits(levels: int, bucket: int, norm: str) -> float:
    """Mean bits of a normally distributed number; the norm of a bucket is taken at its median or expectation."""
    normal = NormalDist()
    shares = (np.arange(1000) + 0.5) / 1000
    sizes = np.array([normal.inv_cdf(0.5 + share / 2) for share in shares])
    width = math.sqrt(bucket) if norm == "l2" else normal.inv_cdf((1 + 0.5 ** (1 / bucket)) / 2)
    scaled = np.minimum(sizes / width, 1.0) * levels
    lower = np.floor(scaled).astype(np.int64)
    lengths = _symbols(levels)[1][levels:]
    upper = np.minimum(lower + 1, levels)
    return float(np.mean(lengths[lower] * (1 - (scaled - lower)) + lengths[upper] * (scaled - lower)))
