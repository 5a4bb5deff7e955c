"""One bit for each number."""

import struct
from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.encodings.bits import packed_bytes
from engine.encodings.encoding import Encoded, Lossy, Tensors, encodings, joined, num_values, parted

_SCALE = struct.Struct("<f")


@encodings.register
class SignSgd(Lossy):
    """Of every number only the sign is sent, and for each array one size: the mean of the sizes of its numbers.

    Zero counts as positive. Usually joined with error feedback, without which it may not converge.
    """

    source: ClassVar[str] = (
        "S. P. Karimireddy et al., Error Feedback Fixes SignSGD and other Gradient Compression Schemes, ICML 2019, "
        "algorithm 1 (scaled sign); J. Bernstein et al., signSGD, ICML 2018"
    )
    equation: ClassVar[str] = "C(x) = ‖x‖₁ / d · sign(x)"
    kind: Literal["signsgd"] = "signsgd"
    """Signs."""

    @override
    def compress(self, floats: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        scales = [np.abs(array).mean(dtype=np.float64) if array.size else 0.0 for array in floats.values()]
        return Encoded(b"".join(map(_SCALE.pack, scales)) + np.packbits(joined(floats) >= 0).tobytes())

    @override
    def restore(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        scales = np.frombuffer(payload, "<f4", count=len(like))
        octets = np.frombuffer(payload, np.uint8, offset=scales.nbytes)
        signs = 2 * np.unpackbits(octets, count=num_values(like)).astype(np.float32) - 1
        return {name: array * scale for (name, array), scale in zip(parted(signs, like).items(), scales, strict=True)}

    @override
    def compressed_bytes(self, like: Tensors) -> int:
        return _SCALE.size * len(like) + packed_bytes(num_values(like), 1)

    @override
    def distortion(self, like: Tensors) -> float:
        return 1 - 1 / max((array.size for array in like.values() if array.size), default=1)
