"""One byte for each number, rounded at random."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.encodings.buckets import Rounded, bucketed, num_buckets, rounded
from engine.encodings.encoding import Encoded, Tensors, encodings, joined, num_values, parted
from engine.encodings.sparse import as_float32, floats_at

_MOST = 127


@encodings.register
class StochasticInt8(Rounded):
    """Numbers travel in one byte each, in 127 steps up to the largest of their bucket, rounded up or down at random."""

    source: ClassVar[str] = (
        "A. T. Suresh et al., Distributed Mean Estimation with Limited Communication, ICML 2017, section 2.2 "
        "(stochastic k-level quantization), with one symmetric range per bucket"
    )
    equation: ClassVar[str] = "Q(x)ᵢ = m / 127 · (127 xᵢ / m rounded at random), m = max |x|"
    suits_weights: ClassVar[bool] = True
    kind: Literal["stochastic_int8"] = "stochastic_int8"
    """One byte each."""

    bucket: Annotated[int, Field(ge=1, le=65536)] = 1024
    """Neighboring numbers that share a range, which costs four bytes, wherever arrays begin."""

    @override
    def compress(self, floats: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        values = joined(floats)
        rows = bucketed(values, self.bucket)
        ranges = np.abs(rows).max(axis=1).astype(np.float32)
        scale = np.divide(_MOST, ranges, out=np.zeros(len(ranges)), where=ranges > 0)
        steps = np.clip(rounded(rows * scale[:, None], draw), -_MOST, _MOST).astype(np.int8)
        return Encoded(as_float32(ranges) + steps.ravel()[: len(values)].tobytes())

    @override
    def restore(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        total = num_values(like)
        ranges = floats_at(payload, num_buckets(total, self.bucket), 0)
        steps = np.frombuffer(payload, np.int8, count=total, offset=ranges.nbytes)
        rows = bucketed(steps.astype(np.float32), self.bucket) * (ranges / np.float32(_MOST))[:, None]
        return parted(rows.ravel()[:total], like)

    @override
    def compressed_bytes(self, like: Tensors) -> int:
        total = num_values(like)
        return total + 4 * num_buckets(total, self.bucket)

    @property
    @override
    def variance(self) -> float:
        """Each of a bucket's numbers is off by half a step at most, in the mean of squares; the largest one is a step
        times 127.
        """
        return self.bucket / (4 * _MOST**2)
