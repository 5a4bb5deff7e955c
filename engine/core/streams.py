"""Named random streams: the only source of randomness in the engine.

A stream is a function of the run's seed and a name, never of what was drawn before. So a resumed run continues with the
same numbers, a client's batches do not depend on which worker trains it, and two strategies with one seed see the same
partition, initial weights, cohorts and batches.
"""

import hashlib

import numpy as np

Name = str | int


def seed_of(seed: int, *names: Name) -> int:
    """A 128-bit seed for the stream of that name.

    Args:
        seed: seed of the run.
        names: what the stream is for, from coarse to fine, such as ``"batches", client, round``. Integers and strings
            are told apart, and so are ``("a", "b")`` and ``("ab",)``.
    """
    digest = hashlib.sha256(repr((int(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:16], "little")


def stream(seed: int, *names: Name) -> np.random.Generator:
    """A fresh NumPy generator for the stream of that name (PCG64, O'Neill 2014)."""
    return np.random.Generator(np.random.PCG64(seed_of(seed, *names)))
