"""Named random streams: a function of seed and name, and of nothing else."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.streams import seed_of, stream, streams

names = st.lists(st.integers(-5, 5) | st.text(max_size=3), min_size=1, max_size=3).map(tuple)


def test_a_seed_is_the_digest_of_its_name() -> None:
    """The rule in words: the first 16 bytes, little-endian, of SHA-256 over the repr of (seed, *names)."""
    expected = int.from_bytes(hashlib.sha256(b"(7, 'batches', 3, 12)").digest()[:16], "little")
    assert seed_of(7, "batches", 3, 12) == expected
    assert seed_of(np.int64(7), "batches", 3, 12) == expected  # type: ignore[arg-type]


@pytest.mark.slow
@given(names, names, st.integers(0, 3), st.integers(0, 3))
def test_different_names_are_different_streams(
    first: tuple[str | int], second: tuple[str | int], a: int, b: int
) -> None:
    same = (a, *map(repr, first)) == (b, *map(repr, second))
    assert (seed_of(a, *first) == seed_of(b, *second)) == same


def test_what_was_drawn_before_does_not_matter() -> None:
    other = stream(0, "other")
    other.normal(size=100)
    assert np.array_equal(stream(0, "w").normal(size=5), stream(0, "w").normal(size=5))
    assert not np.array_equal(stream(0, "w").normal(size=5), stream(1, "w").normal(size=5))


@pytest.mark.slow
@given(st.lists(names, max_size=5), st.integers(0, 2**40))
def test_streams_made_together_are_those_made_alone(some: list[tuple[str | int]], seed: int) -> None:
    """NumPy's own seeding is what both are compared with."""
    together = streams(seed, some)
    assert len(together) == len(some)
    for name, draw in zip(some, together, strict=True):
        assert draw.bit_generator.state == stream(seed, *name).bit_generator.state


def test_neighboring_streams_are_not_correlated() -> None:
    """Mean correlation of 200 pairs of 1000 normals has a standard error of 1 / sqrt(200 * 1000) = 0.0022."""
    pairs = [
        (stream(0, "client", k).normal(size=1000), stream(0, "client", k + 1).normal(size=1000)) for k in range(200)
    ]
    assert abs(np.mean([np.corrcoef(x, y)[0, 1] for x, y in pairs])) < 0.01
