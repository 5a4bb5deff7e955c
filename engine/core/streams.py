"""Named random streams: the only source of randomness in the engine.

A stream is a function of the run's seed and a name, never of what was drawn before. So a resumed run continues with the
same numbers, a client's batches do not depend on which worker trains it, and two strategies with one seed see the same
partition, initial weights, cohorts and batches.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

Name = str | int


def seed_of(seed: int, *names: Name) -> int:
    """A 128-bit seed for the stream of that name.

    Args:
        seed: seed of the run.
        names: what the stream is for, from coarse to fine, such as ``"batches", client, round``. Integers and strings
            are told apart, and so are ``("a", "b")`` and ``("ab",)``.
    """
    return int.from_bytes(_digest(seed, names), "little")


def stream(seed: int, *names: Name) -> np.random.Generator:
    """A fresh NumPy generator for the stream of that name (PCG64, O'Neill 2014)."""
    return np.random.Generator(np.random.PCG64(seed_of(seed, *names)))


def streams(seed: int, names: Iterable[Sequence[Name]]) -> list[np.random.Generator]:
    """The streams of many names at once: those of :func:`stream` in a third of the time.

    Args:
        seed: seed of the run.
        names: of each stream.
    """
    entropy = np.frombuffer(b"".join(_digest(seed, tuple(name)) for name in names), "<u4").reshape(-1, 4)
    seeds: list[Any] = [_Words(words) for words in _expanded(entropy)]
    return [np.random.Generator(np.random.PCG64(words)) for words in seeds]


def _digest(seed: int, names: tuple[Name, ...]) -> bytes:
    return hashlib.sha256(repr((int(seed), *names)).encode()).digest()[:16]


class _Words(ISeedSequence):
    """A seed sequence whose words are known."""

    def __init__(self, words: np.ndarray) -> None:
        self._words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        """The words; a PCG64 asks for four of 64 bits."""
        found: np.ndarray = self._words.view(dtype)
        if len(found) != n_words:
            raise ValueError(f"{len(found)} words are known, {n_words} are asked for")
        return found


def _expanded(entropy: np.ndarray) -> np.ndarray:
    """What ``SeedSequence`` makes of 128 bits for a PCG64, of many at once: (n, 4) words to (n, 8).

    Source: O'Neill, Developing a seed_seq alternative, 2015, with the constants of NumPy's ``SeedSequence``.
    """
    constants = _powers(0x43B0D7E5, 0x931E8875, 17)
    pool = [_scrambled(entropy[:, word], constants[word : word + 2]) for word in range(4)]
    used = 4
    for source in range(4):
        for target in range(4):
            if source != target:
                other = _scrambled(pool[source], constants[used : used + 2])
                mixed: np.ndarray = pool[target] * np.uint32(0xCA01F9DD) - other * np.uint32(0x4973F715)
                pool[target] = mixed ^ (mixed >> np.uint32(16))
                used += 1
    constants = _powers(0x8B51F9DD, 0x58F38DED, 9)
    words = [_scrambled(pool[word % 4], constants[word : word + 2]) for word in range(8)]
    return np.ascontiguousarray(np.stack(words, axis=1))


def _scrambled(values: np.ndarray, constants: np.ndarray) -> np.ndarray:
    mixed = (values ^ constants[0]) * constants[1]
    scrambled: np.ndarray = mixed ^ (mixed >> np.uint32(16))
    return scrambled


def _powers(first: int, factor: int, count: int) -> np.ndarray:
    """A constant and what repeated multiplication makes of it, modulo 2^32."""
    values = [first]
    for _ in range(count - 1):
        values.append(values[-1] * factor % 2**32)
    return np.array(values, dtype=np.uint32)
