"""Codes of whole numbers, against words of the papers and hand calculation."""

import numpy as np
import pytest

from engine.core.streams import stream
from engine.encodings import bits, elias

WORDS = {
    1: "0", 2: "100", 3: "110", 4: "101000", 7: "101110", 8: "1110000", 15: "1111110", 16: "10100100000",
    100: "1011011001000", 1000: "11100111111010000",
}  # fmt: skip
"""Words of the omega code of Elias 1975, and two more by hand."""


def test_words_of_elias() -> None:
    codes, lengths = elias.codes_of(np.array(list(WORDS)))
    words = [format(int(code), f"0{length}b") for code, length in zip(codes, lengths, strict=True)]
    assert words == list(WORDS.values())


def test_words_of_elias_are_free_of_prefixes_and_fill_the_code_space() -> None:
    """Kraft's sum comes near 1 from below: 1 - 2 ** -7 is left to numbers of eight bits and more."""
    codes, lengths = elias.codes_of(np.arange(1, 128))
    words = [format(int(code), f"0{length}b") for code, length in zip(codes, lengths, strict=True)]
    assert not any(a != b and b.startswith(a) for a in words for b in words)
    assert sum(2.0**-length for length in lengths) < 1


def test_packed_words_stand_one_after_another() -> None:
    codes, lengths = elias.codes_of(np.array([4, 1, 3]))
    assert elias.pack_codes(codes, lengths) == bytes([0b10100001, 0b10111111])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 1000])
def test_codes_are_read_one_after_another(count: int) -> None:
    numbers = stream(1, "numbers").geometric(0.3, size=count)
    table = np.ones(1 << elias.WINDOW, dtype=np.int64)
    for number in range(1, 64):
        (code,), (length,) = elias.codes_of(np.array([number]))
        first = int(code) << (elias.WINDOW - int(length))
        table[first : first + (1 << (elias.WINDOW - int(length)))] = length
    windows = elias.unpack_codes(elias.pack_codes(*elias.codes_of(numbers)), count, table)
    for number, window in zip(numbers, windows, strict=True):
        (code,), (length,) = elias.codes_of(np.array([number]))
        assert int(window) >> (elias.WINDOW - int(length)) == int(code)


@pytest.mark.parametrize("width", [0, 1, 3, 8, 13, 32])
def test_fields_come_back(width: int) -> None:
    values = stream(2, "fields", width).integers(0, 2**width, size=77)
    packed = bits.pack(values, width)
    assert len(packed) == bits.packed_bytes(77, width) == -(-77 * width // 8)
    assert (bits.unpack(packed + b"rest", 77, width) == values).all()


def test_fields_by_hand() -> None:
    assert bits.pack(np.array([5, 2, 7]), 3) == bytes([0b10101011, 0b10000000])


@pytest.mark.parametrize(("count", "total"), [(1, 1), (5, 5), (1, 10**6), (99, 100), (50, 100), (1000, 10**6), (3, 7)])
def test_places_come_back(count: int, total: int) -> None:
    places = np.sort(stream(3, count, total).choice(total, size=count, replace=False))
    assert (bits.unpack_places(bits.pack_places(places, total), count, total) == places).all()


def test_places_by_hand() -> None:
    """Of 8 places a quarter: one bit of remainder; 1 and 3 are gaps of 1, so remainders 1 1, quotients 0 0."""
    assert bits.rice_width(2, 8) == 1
    assert bits.pack_places(np.array([1, 3]), 8) == bytes([0b11000000, 0b00000000])
    assert bits.pack_places(np.array([0, 7]), 8) == bytes([0b00000000, 0b01110000])


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.2])
def test_places_take_hardly_more_than_their_entropy(share: float) -> None:
    """Shannon's bound for a coin of that chance at every place; the code of Golomb and Rice is within 5 %."""
    total = 200_000
    count = round(share * total)
    places = np.sort(stream(4, count).choice(total, size=count, replace=False))
    entropy = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    length = len(bits.pack_places(places, total))
    assert total * entropy / 8 < length < 1.05 * total * entropy / 8
    assert abs(length - bits.places_bytes(count, total)) < 0.01 * length + 2
