"""Numbers in buckets of equal length, each with a size of its own."""

import numpy as np


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
