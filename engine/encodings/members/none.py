"""No encoding."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.encodings.encoding import Encoded, Encoding, Tensors, encodings, num_bytes, raw, unraw


@encodings.register
class Uncoded(Encoding):
    """Every number travels as it is in memory, usually in four bytes."""

    source: ClassVar[str] = "IEEE 754-2019, section 3.4: binary32"
    suits_weights: ClassVar[bool] = True
    is_lossless: ClassVar[bool] = True
    kind: Literal["none"] = "none"
    """Numbers as they are."""

    @override
    def encode(self, tensors: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        return Encoded(raw(tensors))

    @override
    def decode(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        return unraw(payload, like)

    @override
    def expected_bytes(self, like: Tensors) -> int:
        return num_bytes(like)

    @override
    def distortion(self, like: Tensors) -> float:
        return 0.0
