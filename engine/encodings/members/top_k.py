"""Only the largest numbers."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.encodings.bits import pack_places, places_bytes, unpack_places
from engine.encodings.encoding import Encoded, Lossy, Tensors, encodings, joined, num_values, parted
from engine.encodings.sparse import COUNT, as_float32, count_of, floats_at, largest


@encodings.register
class TopK(Lossy):
    """Of all numbers of a message the given share that is largest in size is sent, in four bytes each; others are 0.

    The places are sent as the Rice code of the gaps between them. Usually joined with error feedback.
    """

    source: ClassVar[str] = (
        "A. F. Aji and K. Heafield, Sparse Communication for Distributed Gradient Descent, EMNLP 2017; places: F. "
        "Sattler et al., Robust and Communication-Efficient Federated Learning from Non-IID Data, 2019 (arXiv "
        "1903.02891)"
    )
    equation: ClassVar[str] = "C(x)ᵢ = xᵢ for the k largest |xᵢ|, else 0"
    size_tolerance: ClassVar[float] = 0.02
    kind: Literal["top_k"] = "top_k"
    """The largest numbers."""

    fraction: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Share of the message's numbers that is sent, from 0 to 1; at least one number."""

    @override
    def compress(self, floats: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        values = joined(floats)
        if not len(values):
            return Encoded(b"")
        places = largest(values, count_of(self.fraction, len(values)))
        return Encoded(COUNT.pack(len(places)) + as_float32(values[places]) + pack_places(places, len(values)))

    @override
    def restore(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        values = np.zeros(num_values(like), dtype=np.float32)
        if len(values):
            (count,) = COUNT.unpack_from(payload)
            end = COUNT.size + 4 * count
            values[unpack_places(payload[end:], count, len(values))] = floats_at(payload, count, COUNT.size)
        return parted(values, like)

    @override
    def compressed_bytes(self, like: Tensors) -> int:
        total = num_values(like)
        count = count_of(self.fraction, total)
        return COUNT.size + 4 * count + places_bytes(count, total) if total else 0

    @override
    def distortion(self, like: Tensors) -> float:
        total = num_values(like)
        return 1 - count_of(self.fraction, total) / total if total else 0.0
