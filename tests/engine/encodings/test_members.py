"""Each encoding against numbers worked out by hand or by another implementation."""

import struct

import numpy as np
import pytest

from engine.core.streams import stream
from engine.encodings.encoding import Encoding
from engine.encodings.members.none import Uncoded
from engine.encodings.members.powersgd import PowerSgd
from engine.encodings.members.qsgd import Qsgd
from engine.encodings.members.random_k import RandomK
from engine.encodings.members.signsgd import SignSgd
from engine.encodings.members.sketch import Sketch
from engine.encodings.members.stochastic_int8 import StochasticInt8
from engine.encodings.members.top_k import TopK
from engine.encodings.settings import EncodingSettings


def payload(encoding: Encoding, values: list[float], seed: int = 0) -> bytes:
    return encoding.encode({"w": np.array(values, dtype=np.float32)}, stream(seed), {}).payload


def arrived(encoding: Encoding, values: list[float], seed: int = 0) -> list[float]:
    like = {"w": np.zeros(len(values), dtype=np.float32)}
    return list(map(float, encoding.decode(payload(encoding, values, seed), like)["w"]))


def test_none_sends_memory_as_it_is() -> None:
    assert payload(Uncoded(), [1.0, -2.5]) == struct.pack("<2f", 1.0, -2.5)


def test_top_k_by_hand() -> None:
    """Marker, two numbers, the numbers, and their places (see the code of places)."""
    values = [0.0, 5.0, 0.5, -7.0, 0.0, 0.0, 1.0, 0.0]
    expected = b"\x01" + struct.pack("<I2f", 2, 5.0, -7.0) + bytes([0b11000000, 0])
    assert payload(TopK(fraction=0.25), values) == expected
    assert arrived(TopK(fraction=0.25), values) == [0.0, 5.0, 0.0, -7.0, 0.0, 0.0, 0.0, 0.0]


def test_qsgd_by_hand() -> None:
    """(3, -4) has norm 5, so with five levels it lies on 3 and -4 and chance has no part. The words: those of Elias
    for 4 and 5, each with a bit for the sign: 101000 0 101010 1, filled up with ones.
    """
    norm = struct.pack("<f", 5.0)
    assert payload(Qsgd(levels=5, bucket=2), [3.0, -4.0]) == b"\x01" + norm + bytes([0b10100001, 0b01010111])
    assert arrived(Qsgd(levels=5, bucket=2), [3.0, -4.0]) == [3.0, -4.0]


def test_qsgd_fixed_by_hand() -> None:
    """Eleven levels take four bits: -5 is 0, so 3 is 8 and -4 is 1."""
    assert payload(Qsgd(levels=5, bucket=2, coding="fixed"), [3.0, -4.0])[5:] == bytes([0x81])


@pytest.mark.slow
def test_qsgd_levels_have_the_chances_of_the_paper() -> None:
    """One level: a number is its bucket's norm with the chance of its share of the norm, else 0 (equation 1)."""
    found = np.array([arrived(Qsgd(levels=1, bucket=2), [0.6, -0.8], seed) for seed in range(2000)])
    assert set(np.unique(found.round(6))) == {-1.0, 0.0, 1.0}
    assert np.abs(found.mean(axis=0) - [0.6, -0.8]).max() < 4 * 0.5 / np.sqrt(2000)


def test_qsgd_takes_about_three_bits_where_levels_are_the_root_of_the_bucket() -> None:
    """The source counts 2.8 bits and 32 for the norm for this case, with an estimate of the words' lengths; the words
    of 1, 2, 3 and 4 really take 1, 4, 4 and 7 bits with their signs, and normally distributed numbers about 2.95.
    """
    encoding = Qsgd(levels=32, bucket=1024)
    bits = 8 * len(payload(encoding, list(stream(1).standard_normal(102_400)), 1)) - 32 * 100
    assert 2.8 < bits / 102_400 < 3.0


def test_signsgd_by_hand() -> None:
    """The mean size of (4, -1, 0, 1) is 1.5; signs are 1 0 1 1."""
    assert payload(SignSgd(), [4.0, -1.0, 0.0, 1.0]) == b"\x01" + struct.pack("<f", 1.5) + bytes([0b10110000])
    assert arrived(SignSgd(), [4.0, -1.0, 0.0, 1.0]) == [1.5, -1.5, 1.5, 1.5]


def test_int8_by_hand() -> None:
    """The largest is 127 steps; -1.27 of them lies on a step as well, so chance has no part."""
    expected = b"\x01" + struct.pack("<f4b", 2.54, 127, -127, 0, 100)
    assert payload(StochasticInt8(bucket=8), [2.54, -2.54, 0.0, 2.0]) == expected


def test_random_k_sends_the_seed_and_not_the_places() -> None:
    values = list(np.arange(1.0, 101.0))
    encoding = RandomK(fraction=0.1)
    assert len(payload(encoding, values)) == 1 + 8 + 4 + 10 * 4
    found = np.array(arrived(encoding, values))
    (kept,) = np.nonzero(found)
    assert len(kept) == 10
    assert found[kept] == pytest.approx(10 * np.array(values)[kept])


def test_powersgd_finds_a_matrix_of_low_rank_at_once() -> None:
    left, right = stream(1).standard_normal((30, 2)), stream(2).standard_normal((2, 20))
    values = {"w": (left @ right).astype(np.float32), "b": np.ones(30, dtype=np.float32)}
    encoding = PowerSgd(rank=2)
    encoded = encoding.encode(values, stream(3), {})
    found = encoding.decode(encoded.payload, values)
    assert np.abs(found["w"] - values["w"]).max() < 1e-5
    assert (found["b"] == 1).all()
    assert len(encoded.payload) == 1 + 4 * 2 * (30 + 20) + 4 * 30


def test_powersgd_warmed_up_is_as_good_as_singular_values() -> None:
    """From the same matrix again and again the memory goes on where the last message ended (NumPy's SVD as judge)."""
    matrix = stream(4).standard_normal((40, 30)).astype(np.float32)
    encoding = PowerSgd(rank=3)
    memory: dict[str, np.ndarray] = {}
    losses = []
    for number in range(60):
        encoded = encoding.encode({"w": matrix}, stream(5, number), memory)
        memory = dict(encoded.memory)
        losses.append(float(np.linalg.norm(encoding.decode(encoded.payload, {"w": matrix})["w"] - matrix)))
    best = float(np.sqrt((np.linalg.svd(matrix, compute_uv=False)[3:] ** 2).sum()))
    assert losses[0] > 1.02 * best
    assert losses[-1] == pytest.approx(best, rel=2e-3)


def test_sketch_finds_what_stands_out() -> None:
    values = 0.01 * stream(6).standard_normal(5000)
    heavy = [17, 1234, 4999]
    values[heavy] = [10.0, -20.0, 30.0]
    found = np.array(arrived(Sketch(size=0.2, rows=5, fraction=3 / 5000), list(values)))
    assert np.flatnonzero(found).tolist() == heavy
    assert found[heavy] == pytest.approx([10.0, -20.0, 30.0], rel=0.05)


def test_error_feedback_by_hand() -> None:
    """(4, -1) goes as (2.5, -2.5) and leaves (1.5, 1.5); with (1, 1) that is (2.5, 2.5), which goes as it is."""
    settings = EncodingSettings(up=SignSgd(), error_feedback=True)
    # ten copies, because two numbers would be sent as they are
    first = settings.send_up({"w": np.tile(np.float32([4, -1]), 10)}, stream(1), {})
    assert first.tensors["w"][:2].tolist() == [2.5, -2.5]
    assert first.memory["residual/w"][:2].tolist() == [1.5, 1.5]
    second = settings.send_up({"w": np.ones(20, dtype=np.float32)}, stream(2), first.memory)
    assert second.tensors["w"].tolist() == [2.5] * 20
    assert not second.memory["residual/w"].any()


def test_what_encoding_would_not_shorten_travels_as_it_is() -> None:
    assert payload(TopK(fraction=1.0), [1.0, 2.0]) == b"\x00" + struct.pack("<2f", 1.0, 2.0)


def test_a_torn_message_is_refused() -> None:
    like = {"w": np.zeros(4, dtype=np.float32)}
    with pytest.raises(ValueError, match="begins with 0 or 1"):
        TopK().decode(b"\x07abc", like)
    with pytest.raises(ValueError, match="buffer"):
        Uncoded().decode(b"abc", like)
