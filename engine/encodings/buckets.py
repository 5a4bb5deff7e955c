"""Numbers in buckets of equal length, each with a size of its own, rounded at random to steps of it."""

from abc import abstractmethod

import numpy as np
from typing_extensions import override

from engine.encodings.encoding import Lossy, Tensors


class Rounded(Lossy):
    """An encoding that rounds numbers up or down at random so that the mean is right."""

    @property
    @abstractmethod
    def variance(self) -> float:
        """The most that is lost on average: mean squared error as a share of the squared norm."""

    @property
    @override
    def is_unbiased(self) -> bool:
        return True

    @property
    @override
    def suits_feedback(self) -> bool:
        return self.variance < 1

    @override
    def distortion(self, like: Tensors) -> float:
        return self.variance


def num_buckets(total: int, bucket: int) -> int:
    """Buckets that so many numbers fill."""
    return -(-total // bucket)


def bucketed(values: np.ndarray, bucket: int) -> np.ndarray:
    """(n,) as (b, bucket), the last one filled up with zeros."""
    full = np.zeros((num_buckets(len(values), bucket), bucket), dtype=values.dtype)
    full.ravel()[: len(values)] = values
    return full


def rounded(scaled: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Numbers rounded up or down at random so that the mean is right: up with the chance of the fractional part."""
    rising: np.ndarray = np.floor(scaled + draw.random(scaled.shape, dtype=np.float32))
    return rising
