"""Where activations lie: centers with principal directions, and targets drawn around them; NumPy only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.core.errors import EngineError

Layer = Literal["features", "logits"]


@dataclass(frozen=True)
class Spread:
    """Centers of a layer's activations and how they scatter around them.

    Attributes:
        layer: whose activations they are.
        centers: (N, d) mean activations.
        components: (N, q, d) orthonormal principal directions, widest first.
        deviations: (N, q) standard deviations along them; 0 where there were too few samples.
        sizes: (N,) samples around each center; 0 for an empty place.
        labels: (N,) class of each center.
    """

    layer: Layer
    centers: np.ndarray
    components: np.ndarray
    deviations: np.ndarray
    sizes: np.ndarray
    labels: np.ndarray

    def targets(self, labels_B: np.ndarray, scale: float, draw: np.random.Generator) -> np.ndarray:
        """(B, d) float32: for each label a center of its class, with chances as their sizes, moved along its
        principal directions by ``scale`` standard deviations.

        Raises:
            EngineError: a class has no center.
        """
        chosen_B = np.array([self._center(label, draw) for label in labels_B.tolist()])
        moved_BQ = self.deviations[chosen_B] * draw.standard_normal((len(chosen_B), self.deviations.shape[1]))
        offsets_BD = np.einsum("bq,bqd->bd", moved_BQ, self.components[chosen_B])
        targets: np.ndarray = (self.centers[chosen_B] + scale * offsets_BD).astype(np.float32)
        return targets

    def _center(self, label: int, draw: np.random.Generator) -> int:
        places = np.flatnonzero((self.labels == label) & (self.sizes > 0))
        if not len(places):
            raise EngineError(f"The metadata holds no activations of class {label}.")
        sizes = self.sizes[places].astype(np.float64)
        return int(draw.choice(places, p=sizes / sizes.sum()))


def principal(covariance_DD: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The widest directions of a covariance, (q, d), and the standard deviations along them, (q,).

    The sign of a direction is fixed, its largest entry being positive, so that equal data give equal files.
    """
    values, vectors = np.linalg.eigh(covariance_DD)
    widest = np.argsort(values)[::-1][:count]
    directions = vectors[:, widest].T
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, np.newaxis], axis=1)
    return directions * np.where(largest < 0, -1.0, 1.0), np.sqrt(np.maximum(values[widest], 0.0))


def principal_of(x_ND: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """:func:`principal` of samples; directions beyond what the samples span have deviation 0.

    Of few samples in many dimensions the small matrix of inner products is decomposed instead of the covariance.
    """
    centered_ND = (x_ND - x_ND.mean(axis=0)).astype(np.float64)
    degrees = max(1, len(x_ND) - 1)
    if x_ND.shape[1] <= len(x_ND):
        return principal(centered_ND.T @ centered_ND / degrees, count)
    _, singular, directions = np.linalg.svd(centered_ND, full_matrices=False)
    widest = min(count, max(0, len(x_ND) - 1))
    components, deviations = np.zeros((count, x_ND.shape[1])), np.zeros(count)
    components[:widest], deviations[:widest] = directions[:widest], singular[:widest] / np.sqrt(degrees)
    return components, deviations


def spread_of(tensors: Mapping[str, np.ndarray], layer: Layer) -> Spread:
    """The spread that a file's arrays hold, see :func:`arrays_of`."""
    names = ("centers", "components", "deviations", "sizes", "labels")
    return Spread(layer, *(np.asarray(tensors[name]) for name in names))


def arrays_of(spread: Spread) -> dict[str, np.ndarray]:
    """The arrays of a file that hold a spread."""
    return {
        "centers": spread.centers.astype(np.float32),
        "components": spread.components.astype(np.float32),
        "deviations": spread.deviations.astype(np.float32),
        "sizes": spread.sizes.astype(np.int32),
        "labels": spread.labels.astype(np.int32),
    }


def layout_of(num_centers: int, num_components: int, size: int) -> dict[str, tuple[tuple[int, ...], type[np.generic]]]:
    """Shapes and types of :func:`arrays_of`."""
    return {
        "centers": ((num_centers, size), np.float32),
        "components": ((num_centers, num_components, size), np.float32),
        "deviations": ((num_centers, num_components), np.float32),
        "sizes": ((num_centers,), np.int32),
        "labels": ((num_centers,), np.int32),
    }
