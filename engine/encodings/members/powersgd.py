"""Matrices of low rank."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.encodings.encoding import Encoded, Lossy, Tensors, encodings, raw
from engine.encodings.sparse import as_float32, floats_at


@encodings.register
class PowerSgd(Lossy):
    """Each matrix is sent as two thin ones, found by one step of power iteration that starts from the last message's.

    An array of more axes counts as a matrix of its first axis by all others. Arrays of one axis, and those that two
    factors would not make smaller, travel as they are. The source averages the first factors of all workers before it
    forms the second; here a client forms both alone, so nobody waits for a second exchange.
    """

    source: ClassVar[str] = (
        "T. Vogels et al., PowerSGD: Practical Low-Rank Gradient Compression for Distributed Optimization, NeurIPS "
        "2019, algorithm 1"
    )
    equation: ClassVar[str] = "P = orth(M Q), Q' = Mᵀ P, M ≈ P Q'ᵀ"
    keeps_memory: ClassVar[bool] = True
    kind: Literal["powersgd"] = "powersgd"
    """Low rank."""

    rank: Annotated[int, Field(ge=1, le=256)] = 2
    """Columns of the thin matrices (r)."""

    @override
    def compress(self, floats: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        parts, kept = [], {}
        for name, array in floats.items():
            if not self._is_factored(array):
                parts.append(raw({name: array}))
                continue
            matrix = _matrix(array)
            first, _ = np.linalg.qr(matrix @ self._start(matrix, memory.get(name), draw))
            second = matrix.T @ first
            parts += [as_float32(first), as_float32(second)]
            kept[name] = second
        return Encoded(b"".join(parts), kept)

    @override
    def restore(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        found, place = {}, 0
        for name, array in like.items():
            if not self._is_factored(array):
                values = np.frombuffer(payload, array.dtype.newbyteorder("<"), count=array.size, offset=place)
                found[name], place = values.reshape(array.shape), place + array.nbytes
                continue
            rows, columns = _matrix(array).shape
            factors = floats_at(payload, self.rank * (rows + columns), place)
            first, second = factors[: self.rank * rows], factors[self.rank * rows :]
            product = first.reshape(rows, self.rank) @ second.reshape(columns, self.rank).T
            found[name], place = product.reshape(array.shape), place + factors.nbytes
        return found

    @override
    def compressed_bytes(self, like: Tensors) -> int:
        factored = [array for array in like.values() if self._is_factored(array)]
        as_they_are = sum(array.nbytes for array in like.values() if not self._is_factored(array))
        return as_they_are + sum(4 * self.rank * sum(_matrix(array).shape) for array in factored)

    @override
    def distortion(self, like: Tensors) -> float:
        """What is sent is a projection, so no more is lost than was there."""
        return 1.0 if any(self._is_factored(array) for array in like.values()) else 0.0

    def _is_factored(self, array: np.ndarray) -> bool:
        if array.ndim < 2 or not array.size:
            return False
        rows, columns = array.shape[0], array.size // array.shape[0]
        return self.rank <= min(rows, columns) and bool(4 * self.rank * (rows + columns) < array.nbytes)

    def _start(self, matrix: np.ndarray, last: np.ndarray | None, draw: np.random.Generator) -> np.ndarray:
        """The last message's second factor; its columns that were lost, and at first all of them, are drawn anew."""
        fresh = draw.standard_normal((matrix.shape[1], self.rank)).astype(matrix.dtype)
        if last is None:
            return fresh
        return np.where(np.abs(last).max(axis=0) > 0, last, fresh).astype(matrix.dtype)


def _matrix(array: np.ndarray) -> np.ndarray:
    return array.reshape(array.shape[0], -1)
