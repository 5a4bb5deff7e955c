"""Sums of random groups of numbers, from which the largest ones can be found again."""

import struct
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.streams import stream
from engine.encodings.encoding import Encoded, Lossy, Tensors, encodings, joined, num_values, parted
from engine.encodings.sparse import as_float32, count_of, floats_at, largest

_HEAD = struct.Struct("<QI")


@encodings.register
class Sketch(Lossy):
    """A count sketch: in each of a few rows every number is added, with a random sign, to one of the row's places.

    The receiver takes for each number the median over the rows and keeps the largest of these estimates; the others are
    0. That suits messages of which few numbers carry most; of others mainly noise arrives, so that what is lost cannot
    be fed back. The message holds the seed of places and signs. The source adds the sketches of all clients before it
    looks for the largest numbers; here each client's are found on their own, so that every update stands for itself.
    """

    source: ClassVar[str] = (
        "D. Rothchild et al., FetchSGD: Communication-Efficient Federated Learning with Sketching, ICML 2020, "
        "algorithm 1; M. Charikar et al., Finding Frequent Items in Data Streams, ICALP 2002"
    )
    equation: ClassVar[str] = "S[r, h(r, i)] += s(r, i) · xᵢ, x̂ᵢ = medianᵣ s(r, i) · S[r, h(r, i)], the k largest kept"
    kind: Literal["sketch"] = "sketch"
    """Count sketch."""

    size: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Places of all rows together, as a share of the message's numbers."""

    rows: Annotated[Literal[1, 3, 5, 7], Field()] = 3
    """Rows; an odd number, so that the median is one of them."""

    fraction: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Share of the message's numbers that is kept on arrival; at least one, and much less than size."""

    @property
    @override
    def suits_feedback(self) -> bool:
        return False

    @override
    def compress(self, floats: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        values, seed = joined(floats), int(draw.integers(2**63))
        width = self._width(len(values))
        table = np.stack(
            [np.bincount(places, signs * values, minlength=width) for places, signs in self._rows(seed, len(values))]
        )
        return Encoded(_HEAD.pack(seed, count_of(self.fraction, len(values))) + as_float32(table))

    @override
    def restore(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        total = num_values(like)
        seed, count = _HEAD.unpack_from(payload)
        width = self._width(total)
        table = floats_at(payload, self.rows * width, _HEAD.size).reshape(self.rows, width)
        seen = [row[places] * signs for row, (places, signs) in zip(table, self._rows(seed, total), strict=True)]
        estimates = np.sort(np.stack(seen), axis=0)[self.rows // 2]
        values = np.zeros(total, dtype=np.float32)
        kept = largest(estimates, count)
        values[kept] = estimates[kept]
        return parted(values, like)

    @override
    def compressed_bytes(self, like: Tensors) -> int:
        return _HEAD.size + 4 * self.rows * self._width(num_values(like))

    @override
    def distortion(self, like: Tensors) -> float:
        """One for what is not kept, and for what is kept no more than the variance of every estimate: that of a median
        is at most that of all rows together, each the squared norm over the row's places.
        """
        total = num_values(like)
        return 1 + total * self.rows / self._width(total)

    def _width(self, total: int) -> int:
        return max(1, round(self.size * total / self.rows))

    def _rows(self, seed: int, total: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Place and sign of every number in each row."""
        width, found = self._width(total), []
        for row in range(self.rows):
            drawn = stream(seed, "sketch", row).integers(2 * width, size=total, dtype=np.int64)
            found.append((drawn >> 1, (1 - 2 * (drawn & 1)).astype(np.float32)))
        return found
