"""The contract of encodings: a message of named arrays becomes a string of bytes and, elsewhere, arrays again."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from engine.core.component import Component
from engine.core.registry import Registry

Tensors = Mapping[str, np.ndarray]
"""Arrays by name, in an order that both ends know."""

MARKER_BYTES = 1
"""A lossy message begins with one byte that says whether the arrays follow encoded or as they are."""

LARGEST = 1e30
"""Numbers of this size and above are not encoded: what is computed of them might not be finite in float32."""

STATISTICS = (".running_mean", ".running_var")
"""Ends of the names of running statistics."""

_AS_IT_IS, _ENCODED = b"\x00", b"\x01"


@dataclass(frozen=True)
class Encoded:
    """A message as it travels.

    Attributes:
        payload: the bytes; all that the other end needs besides names, shapes and types of the arrays.
        memory: what the sender keeps for its next message, by name; empty if nothing.
    """

    payload: bytes
    memory: Tensors = field(default_factory=dict)


class Encoding(Component):
    """How a message is made small; it keeps nothing, what must last between messages is handed in and out."""

    suits_weights: ClassVar[bool] = False
    """Whether a whole model survives it, so that it can be used on the way down; differences need less care."""

    keeps_memory: ClassVar[bool] = False
    """Whether the sender keeps something from message to message."""

    is_lossless: ClassVar[bool] = False
    """Whether what arrives is always what was sent, bit for bit."""

    size_tolerance: ClassVar[float] = 0.0
    """How far the size of a message may lie from :meth:`expected_bytes`, as a share of it, for normally distributed
    values; 0 where the size follows from the shapes."""

    @property
    def is_unbiased(self) -> bool:
        """Whether the mean of what arrives, over the sender's draws, is what was sent, whatever was sent."""
        return self.is_lossless

    @property
    def suits_feedback(self) -> bool:
        """Whether less is lost than was sent, so that what is lost can be sent later instead of growing forever."""
        return True

    @property
    def is_biased(self) -> bool:
        """Whether something is lost on average, so that error feedback is advised."""
        return not self.is_unbiased

    @abstractmethod
    def encode(self, tensors: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        """The message as bytes.

        Args:
            tensors: arrays of floating-point or whole numbers.
            draw: the message's own random stream; the only source of chance.
            memory: what the sender kept from its last message; empty at first.
        """

    @abstractmethod
    def decode(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        """The arrays that arrive.

        Args:
            payload: the message; every number that is needed is in it.
            like: arrays of the names, shapes and types that were sent; their values are not read.
        """

    @abstractmethod
    def expected_bytes(self, like: Tensors) -> int:
        """The size of a message of such arrays in bytes, from shapes and types alone."""

    @abstractmethod
    def distortion(self, like: Tensors) -> float:
        """The stated bound on what is lost: E ||arrived - sent||^2 <= distortion * ||sent||^2 over all floating-point
        arrays together, up to rounding to float32.
        """


class Lossy(Encoding):
    """An encoding that treats floating-point arrays in its own way.

    Arrays of whole numbers (counters) always travel as they are, and so do running statistics of normalization: they
    are few, and a variance that came out as zero would ruin a model. So does the whole message if it holds a number
    that is not finite or beyond all measure, as of a client that diverged, or if encoding would not make it smaller;
    its first byte says so.
    """

    @final
    def encode(self, tensors: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        """The marker, what travels as it is, then what :meth:`compress` makes of the others."""
        floats = coded_of(tensors)
        if all(np.abs(array).max(initial=0.0) < LARGEST for array in floats.values()):
            packed = self.compress(floats, draw, memory)
            if len(packed.payload) < num_bytes(floats):
                return Encoded(_ENCODED + raw(exact_of(tensors)) + packed.payload, packed.memory)
        return Encoded(_AS_IT_IS + raw(tensors), memory)

    @final
    def decode(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        """What :meth:`encode` packed, in the order of ``like``.

        Raises:
            ValueError: the message does not begin with a known marker, or is shorter than the arrays need.
        """
        marker, body = payload[:MARKER_BYTES], payload[MARKER_BYTES:]
        if marker == _AS_IT_IS:
            return unraw(body, like)
        if marker != _ENCODED:
            raise ValueError(f"an encoded message begins with 0 or 1, but this one with {marker!r}")
        exact = exact_of(like)
        found = unraw(body, exact) | self.restore(body[num_bytes(exact) :], coded_of(like))
        return {name: found[name].astype(array.dtype, copy=False) for name, array in like.items()}

    @final
    def expected_bytes(self, like: Tensors) -> int:
        """The marker, what travels as it is, and the others as small as they can be sent."""
        floats, exact = coded_of(like), exact_of(like)
        return MARKER_BYTES + num_bytes(exact) + min(num_bytes(floats), self.compressed_bytes(floats))

    @abstractmethod
    def compress(self, floats: Tensors, draw: np.random.Generator, memory: Tensors) -> Encoded:
        """Finite floating-point arrays as bytes; arguments as of :meth:`encode`."""

    @abstractmethod
    def restore(self, payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
        """The arrays from what :meth:`compress` wrote, in any floating-point type."""

    @abstractmethod
    def compressed_bytes(self, like: Tensors) -> int:
        """The expected length of what :meth:`compress` writes."""


def is_coded(name: str, array: np.ndarray) -> bool:
    """Whether a lossy encoding may change an array: floating-point numbers that are no running statistics."""
    return bool(np.issubdtype(array.dtype, np.floating)) and not name.endswith(STATISTICS)


def coded_of(tensors: Tensors) -> dict[str, np.ndarray]:
    """The arrays that a lossy encoding may change."""
    return {name: array for name, array in tensors.items() if is_coded(name, array)}


def exact_of(tensors: Tensors) -> dict[str, np.ndarray]:
    """All other arrays."""
    return {name: array for name, array in tensors.items() if not is_coded(name, array)}


def num_bytes(tensors: Tensors) -> int:
    """The bytes of all arrays as they are in memory."""
    return sum(array.nbytes for array in tensors.values())


def num_values(tensors: Tensors) -> int:
    """The numbers in all arrays."""
    return sum(array.size for array in tensors.values())


def raw(tensors: Tensors) -> bytes:
    """All arrays one after another, little-endian."""
    return b"".join(_little(array).tobytes() for array in tensors.values())


def unraw(payload: bytes, like: Tensors) -> dict[str, np.ndarray]:
    """What :func:`raw` wrote; bytes beyond the last array are not read.

    Raises:
        ValueError: the payload is shorter than the arrays.
    """
    found, place = {}, 0
    for name, array in like.items():
        values = np.frombuffer(payload, array.dtype.newbyteorder("<"), count=array.size, offset=place)
        found[name] = values.astype(array.dtype).reshape(array.shape)
        place += array.nbytes
    return found


def joined(floats: Tensors) -> np.ndarray:
    """(n,) all values one after another, in the widest of their types."""
    return np.concatenate([array.ravel() for array in floats.values()]) if floats else np.zeros(0, np.float32)


def parted(values: np.ndarray, like: Tensors) -> dict[str, np.ndarray]:
    """The arrays of which :func:`joined` made these values."""
    ends = np.cumsum([array.size for array in like.values()])
    parts = np.split(values, ends[:-1])
    return {name: part.reshape(array.shape) for (name, array), part in zip(like.items(), parts, strict=True)}


def _little(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


encodings: Registry[Encoding] = Registry("encodings", "engine.encodings.members", Encoding, title="Encoding")
"""All encodings by kind."""
