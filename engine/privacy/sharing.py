"""Shamir's secret sharing over a prime field: any t of the shares give the secret, fewer tell nothing."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

PRIME = 2**257 - 93
"""The largest prime below 2^257, so that every secret of 32 bytes is an element of the field."""

SECRET_BYTES = 32
SHARE_BYTES = 33
"""Bytes of a secret, and of the value of a share."""


def share(
    secret: int, threshold: int, places: Sequence[int], draw: np.random.Generator, prime: int = PRIME
) -> list[int]:
    """The values at some places of a random polynomial of degree ``threshold - 1`` that is ``secret`` at zero.

    Source: Shamir, How to Share a Secret, Communications of the ACM 22(11), 1979.

    Args:
        secret: 0 <= secret < prime.
        threshold: shares that are needed to find it.
        places: where the polynomial is evaluated, different and not zero modulo the prime.
        draw: where the other coefficients come from.
        prime: size of the field.
    """
    # 16 bytes more than the prime has, so that the remainder is uniform up to 2^-128
    size = (prime.bit_length() + 7) // 8 + 16
    rest = [int.from_bytes(draw.bytes(size), "little") % prime for _ in range(threshold - 1)]
    return [evaluate([secret, *rest], place, prime) for place in places]


def evaluate(coefficients: Sequence[int], place: int, prime: int = PRIME) -> int:
    """A polynomial, lowest coefficient first, at one place (Horner)."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * place + coefficient) % prime
    return value


def recover(shares: Mapping[int, int], prime: int = PRIME) -> int:
    """The secret from the shares by place; right if there are at least as many as the threshold.

    Lagrange's formula at zero: sum over places x of y_x * product over the others z of z / (z - x).
    """
    factors = _at_zero(tuple(shares), prime)
    return sum(factor * value for factor, value in zip(factors, shares.values(), strict=True)) % prime


@lru_cache(maxsize=1024)
def _at_zero(places: tuple[int, ...], prime: int) -> list[int]:
    factors = []
    for place in places:
        above = below = 1
        for other in places:
            if other != place:
                above = above * other % prime
                below = below * (other - place) % prime
        factors.append(above * pow(below, -1, prime) % prime)
    return factors
