"""The last stage of a message: what a general compressor still finds in its bytes."""

from typing import Literal

import zstandard

Entropy = Literal["none", "zstd"]
"""Kinds of the last stage; the codes of Elias and of Golomb and Rice are parts of the encodings that use them."""

STAGE_BYTES = 1
"""A stage begins its message with one byte that says whether it gained anything."""

_LEVEL = 9
_AS_IT_IS, _SHORTER = b"\x00", b"\x01"


def squeezed(payload: bytes, entropy: Entropy) -> bytes:
    """The message after the last stage; one byte longer at most."""
    if entropy == "none":
        return payload
    shorter = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False).compress(payload)
    return _SHORTER + shorter if len(shorter) < len(payload) else _AS_IT_IS + payload


def unsqueezed(message: bytes, entropy: Entropy) -> bytes:
    """What :func:`squeezed` was given.

    Raises:
        ValueError: the message does not begin with a known mark.
    """
    if entropy == "none":
        return message
    mark, body = message[:STAGE_BYTES], message[STAGE_BYTES:]
    if mark == _AS_IT_IS:
        return body
    if mark != _SHORTER:
        raise ValueError(f"a squeezed message begins with 0 or 1, but this one with {mark!r}")
    return zstandard.ZstdDecompressor().decompress(body)
