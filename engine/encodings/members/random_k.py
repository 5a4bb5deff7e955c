"""Only random numbers."""

import struct
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.streams import stream
from engine.encodings.encoding import Encoded, Lossy, Tensors, encodings, joined, num_values, parted
from engine.encodings.sparse import as_float32, count_of, floats_at

_HEAD = struct.Struct("<QI")


@encodings.register
class RandomK(Lossy):
    """A random share of a message's numbers is sent, in four bytes each; the others are taken for 0.

    The message holds the seed from which both ends draw the places, so these cost 8 bytes in all.
    """

    source: ClassVar[str] = (
        "J. Konecny et al., Federated Learning: Strategies for Improving Communication Efficiency, 2016, section 2 "
        "(random mask from a seed); S. U. Stich et al., Sparsified SGD with Memory, NeurIPS 2018, definition 2.1"
    )
    equation: ClassVar[str] = "C(x)ᵢ = n/k · xᵢ for k random i, else 0"
    kind: Literal["random_k"] = "random_k"
    """Random numbers."""

    fraction: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Share of the message's numbers that is sent, from 0 to 1; at least one number."""

    scaled: bool = True
    """Whether what is sent is multiplied by one over the share, so that the mean is right. Off for error feedback,
    which needs that no more is lost than was there."""

    @property
    @override
    def is_unbiased(self) -> bool:
        return self.scaled

    @property
    @override
    def suits_feedback(self) -> bool:
        return not self.scaled

    @override
    def compress(self, floats: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        values, seed = joined(floats), int(draw.integers(2**63))
        count = count_of(self.fraction, len(values))
        sent = values[_places(seed, count, len(values))] * (len(values) / count if self.scaled and count else 1.0)
        return Encoded(_HEAD.pack(seed, count) + as_float32(sent))

    @override
    def restore(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        seed, count = _HEAD.unpack_from(payload)
        values = np.zeros(num_values(like), dtype=np.float32)
        values[_places(seed, count, len(values))] = floats_at(payload, count, _HEAD.size)
        return parted(values, like)

    @override
    def compressed_bytes(self, like: Tensors) -> int:
        return _HEAD.size + 4 * count_of(self.fraction, num_values(like))

    @override
    def distortion(self, like: Tensors) -> float:
        total = num_values(like)
        share = count_of(self.fraction, total) / total if total else 1.0
        return 1 / share - 1 if self.scaled else 1 - share


def _places(seed: int, count: int, total: int) -> np.ndarray:
    return stream(seed, "random_k").choice(total, size=count, replace=False, shuffle=False)
