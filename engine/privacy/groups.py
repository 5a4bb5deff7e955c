"""Messages as one long vector: norm, scaling and noise of named groups of arrays."""

from collections.abc import Mapping

import numpy as np

Groups = Mapping[str, Mapping[str, np.ndarray]]
"""Named groups of arrays by parameter name: what a client sends."""


def norm_of(groups: Groups) -> float:
    """L2 norm of all arrays together, summed in double precision; infinite if an entry is no finite number."""
    squares = sum(
        float(np.square(array, dtype=np.float64).sum()) for tensors in groups.values() for array in tensors.values()
    )
    return float(np.sqrt(squares)) if np.isfinite(squares) else float("inf")


def scaled(groups: Groups, factor: float) -> dict[str, dict[str, np.ndarray]]:
    """All arrays times a factor, each in its own type; integers become doubles."""
    return {
        group: {name: _floating(array) * _floating(array).dtype.type(factor) for name, array in tensors.items()}
        for group, tensors in groups.items()
    }


def with_noise(groups: Groups, std: float, draw: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """All arrays plus independent Gaussian noise of that standard deviation, in the order of the groups."""
    return {
        group: {name: gaussian(array.shape, std, draw, array) for name, array in tensors.items()}
        for group, tensors in groups.items()
    }


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
