"""How a number of rows or channels is divided over several devices."""

from collections.abc import Sequence
from itertools import accumulate, pairwise


def ranges(total: int, shares: Sequence[float]) -> list[tuple[int, int]]:
    """Neighboring ranges of whole numbers in proportion to shares; a small share may get an empty one.

    Args:
        total: what is divided, from 0.
        shares: (K,) positive weights.

    Returns:
        (K,) first number, and the one after the last.
    """
    whole = sum(shares)
    ends = [round(total * reached / whole) for reached in accumulate(shares)]
    return list(pairwise([0, *ends]))


def shares_of(count: int, weights: Sequence[float]) -> tuple[float, ...]:
    """The weights of that many shares: as given, or all the same where none are."""
    return tuple(weights) or (1.0,) * count
