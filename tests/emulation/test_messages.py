"""Messages have exactly the size that the trace says, and arrive as they were sent."""

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.core.streams import stream
from engine.emulation.tensors import FRAME, LEAST_TENSOR_BYTES, body_bytes, pack, unpack
from engine.emulation.transports.coap import Exchange, decode_block, encode_block

VALUES = stream(0, "values").standard_normal(64, dtype=np.float32)


@pytest.mark.parametrize("size", [*range(400), 33_000, 128_000])
def test_the_size_is_exact(size: int) -> None:
    body = pack(VALUES, body_bytes(size))
    assert len(body) + FRAME.size == max(size, FRAME.size)
    tensor = unpack(body)
    assert (tensor is None) == (len(body) < LEAST_TENSOR_BYTES)
    if tensor is not None:
        assert np.array_equal(tensor, np.resize(VALUES, len(tensor)))


def test_a_damaged_message_is_refused() -> None:
    with pytest.raises(EngineError, match="holds no tensor"):
        unpack(b"\xff" * 200)


@pytest.mark.parametrize(
    ("number", "size", "more", "octets"),
    [
        # RFC 7959, section 2.2: NUM in the high bits, then M, then SZX with size = 2 ** (SZX + 4). Option 27 is
        # written as delta 13 with 14 in the byte that follows (RFC 7252, section 3.1).
        (0, 1024, True, "d10e0e"),
        (0, 16, False, "d10e00"),
        (1, 1024, False, "d10e16"),
        (4, 256, True, "d10e4c"),
        (16, 1024, True, "d20e010e"),
    ],
)
def test_block_option(number: int, size: int, more: bool, octets: str) -> None:
    option = encode_block(number, size, more=more)
    assert option.hex() == octets
    assert decode_block(option, 0) == (number, more, len(option))


def test_blocks_of_an_exchange() -> None:
    exchange = Exchange(bytes(range(250)) * 10, 1024, token=7, number=0x1234)
    assert exchange.blocks == 3
    packet = exchange.packet()
    # Version 1, confirmable, a token of four bytes; POST; the message id.
    assert packet[:4].hex() == "44021234"
    assert packet[4:8] == bytes([0, 0, 0, 7])
    assert packet[8:12].hex() == "d10e0eff"
    assert len(packet) == 12 + 1024
    exchange.block = 2
    assert len(exchange.packet()) == 12 + 2500 - 2048
