"""Messages as one long vector: norm, scaling and noise of named groups of arrays."""

import math
from collections.abc import Mapping

import numpy as np

Groups = Mapping[str, Mapping[str, np.ndarray]]
"""Named groups of arrays by parameter name: what a client sends."""


def norm_of(groups: Groups) -> float:
    """L2 norm of all arrays together, summed in double precision; infinite if an entry is no finite number."""
    squares = 0.0
    for group, name in ordered(groups):
        squares += float(np.square(groups[group][name], dtype=np.float64).sum())
    return math.sqrt(squares) if math.isfinite(squares) else math.inf


def ordered(groups: Groups) -> list[tuple[str, str]]:
    """Groups and names in alphabetical order: a message that was stored in between may come back in another one."""
    return sorted((group, name) for group, tensors in groups.items() for name in tensors)


def scaled(groups: Groups, factor: float) -> dict[str, dict[str, np.ndarray]]:
    """All arrays times a factor, each in its own type; integers become doubles."""
    return {
        group: {name: _floating(array) * _floating(array).dtype.type(factor) for name, array in tensors.items()}
        for group, tensors in groups.items()
    }


def with_noise(groups: Groups, std: float, draw: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """All arrays plus independent Gaussian noise of that standard deviation, drawn in alphabetical order."""
    noisy: dict[str, dict[str, np.ndarray]] = {group: {} for group in groups}
    for group, name in ordered(groups):
        array = groups[group][name]
        noisy[group][name] = gaussian(array.shape, std, draw, array)
    return noisy


def gaussian(
    shape: tuple[int, ...], std: float, draw: np.random.Generator, around: np.ndarray | None = None
) -> np.ndarray:
    """Gaussian noise, drawn in double precision, around some values and in their type."""
    noise = draw.normal(0.0, std, shape) if std > 0.0 else np.zeros(shape)
    if around is None:
        return noise
    values = _floating(around)
    return np.asarray(values + noise, dtype=values.dtype)


def _floating(array: np.ndarray) -> np.ndarray:
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)
