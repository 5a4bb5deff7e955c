"""Statistics over seeds: what a handful of runs says, and no more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from engine.core.streams import stream

CONFIDENCE = 0.95

_EXACT_UP_TO = 16
_NUM_DRAWS = 100_000


@dataclass(frozen=True)
class Spread:
    """Mean of a quantity over runs, with what is known about its error."""

    mean: float
    std: float | None
    """Sample standard deviation (n - 1); None for a single run."""
    ci95: tuple[float, float] | None
    """Student's t interval of the mean; None for a single run, about whose error nothing is known."""
    values: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """Two methods on the same seeds: the paired difference, first minus second."""

    difference: Spread
    p_t: float | None
    """Two-sided p of the paired t-test; None for a single pair."""
    p_sign_flip: float | None
    """Two-sided p of the sign-flip test, which assumes no distribution: exact up to 16 pairs; with n pairs it is at
    least 2 / 2**n, so fewer than 6 can never be below 0.05."""
    effect_size: float | None
    """Cohen's d of the differences, mean over standard deviation; None for a single pair or without any spread."""


def spread(values: Sequence[float]) -> Spread:
    """Mean, standard deviation and 95 % interval of independent runs.

    Source: Student, The probable error of a mean, Biometrika 6 (1908).

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("the mean of no values is not defined")
    numbers = np.asarray(values, dtype=np.float64)
    mean = math.fsum(numbers) / len(numbers)
    if len(numbers) == 1:
        return Spread(mean, None, None, (mean,))
    std = math.sqrt(math.fsum((numbers - mean) ** 2) / (len(numbers) - 1))
    half = quantile(len(numbers) - 1) * std / math.sqrt(len(numbers))
    return Spread(mean, std, (mean - half, mean + half), tuple(float(number) for number in numbers))


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """The paired comparison of two methods; value i of both belongs to the same seed.

    Raises:
        ValueError: the lengths differ, or there are no pairs.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs need equally many values, not {len(first)} and {len(second)}")
    differences = [float(a) - float(b) for a, b in zip(first, second, strict=True)]
    difference = spread(differences)
    if difference.std is None:
        return Comparison(difference, None, None, None)
    effect = difference.mean / difference.std if difference.std > 0 else None
    return Comparison(difference, _paired_t(difference), sign_flip(differences), effect)


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p of the hypothesis that each difference could as well have had the other sign.

    The share of all sign patterns whose absolute sum is at least the observed one; above 16 pairs, of 100,000 drawn
    patterns and the observed one. Source: Fisher, The Design of Experiments (1935), section 21.
    """
    numbers = np.asarray(differences, dtype=np.float64)
    if len(numbers) <= _EXACT_UP_TO:
        signs = np.array(list(product((1.0, -1.0), repeat=len(numbers))))
    else:
        drawn = stream(0, "sign_flip", len(numbers)).integers(0, 2, size=(_NUM_DRAWS, len(numbers)))
        signs = np.vstack([np.ones(len(numbers)), 2.0 * drawn - 1.0])
    sums = np.abs(signs @ numbers)
    tolerance = 1e-12 * float(np.abs(numbers).sum())  # equal sums must not differ by rounding
    return float(np.mean(sums >= abs(float(numbers.sum())) - tolerance))


def quantile(degrees: int) -> float:
    """The two-sided 95 % quantile of Student's t: the half width of an interval in standard errors."""
    from scipy.special import stdtrit  # not scipy.stats, which takes seconds to import

    return float(stdtrit(degrees, (1 + CONFIDENCE) / 2))


def pairs_needed(difference: Spread, at_most: int = 200) -> int | None:
    """How many pairs would make the interval of a difference of this size and spread leave out zero.

    A rough guide from few pairs, since mean and deviation are estimates themselves; at least three.

    Args:
        difference: of at least two pairs.
        at_most: where to stop looking.

    Returns:
        The number of pairs; None if more than ``at_most`` would be needed.
    """
    size, std = abs(difference.mean), difference.std or 0.0
    return next((n for n in range(3, at_most + 1) if quantile(n - 1) * std / math.sqrt(n) < size), None)


def _paired_t(difference: Spread) -> float:
    from scipy.special import stdtr

    n = len(difference.values)
    if difference.std is None or difference.std == 0:
        return 1.0 if difference.mean == 0 else 0.0
    return float(2 * stdtr(n - 1, -abs(difference.mean) / (difference.std / math.sqrt(n))))
