"""Statistics of activations with differential privacy: the Gaussian mechanism; NumPy only, the accountant on demand."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.datafree.owner.clusters import nearest

SHIFTED = np.sqrt(2.0)
"""Length of (x / C, 1) for a sample x of norm C: one sample moves the sum of these by at most that much."""


class GaussianNoise(Component):
    """Noise that hides whether any single sample was among those that were read.

    It is drawn from the run's seed, so that a run can be repeated bit for bit: whoever knows the seed can take it off
    again. For a file that leaves the house choose a seed that nobody guesses, and keep the spec to yourself.
    """

    source: ClassVar[str] = (
        "C. Dwork, A. Roth, The Algorithmic Foundations of Differential Privacy, 2014, appendix A; k-means as in A. "
        "Blum, C. Dwork, F. McSherry, K. Nissim, Practical Privacy: the SuLQ Framework, PODS 2005, section 5"
    )

    noise_multiplier: float = Field(default=4.0, gt=0, le=1e4)
    """Standard deviation of the noise over the most that one sample can change, for each statistic that is read;
    more noise gives a smaller epsilon."""

    clip_norm: float = Field(default=20.0, gt=0, le=1e6)
    """Largest L2 norm of one sample's activations, in their own units; longer ones are scaled down to it. Choose it
    without looking at the private data."""

    delta: float = Field(default=1e-5, gt=0, lt=1)
    """Probability with which epsilon may not hold; it should be far below 1 / number of samples."""

    def clipped(self, x_ND: np.ndarray) -> np.ndarray:
        """Samples of norm at most 1: activations over the clipping bound, scaled down where longer."""
        norms = np.maximum(np.linalg.norm(x_ND, axis=1, keepdims=True) / self.clip_norm, 1.0)
        return np.asarray(x_ND / (norms * self.clip_norm), dtype=np.float64)

    def epsilon(self, num_releases: int) -> float:
        """Epsilon of that many statistics at :attr:`delta`, for samples that are added or removed."""
        from engine.privacy.accountant import Step, epsilon

        return epsilon({Step(self.noise_multiplier): num_releases}, self.delta)

    def guarantee(self, num_releases: int) -> str:
        """The promise in words."""
        return (
            f"({self.epsilon(num_releases):.3g}, {self.delta:g})-differential privacy of the file for every sample "
            "that is added or removed, as long as the run's seed, from which the noise is drawn, stays secret; it says "
            "nothing about the weights, and the number of samples is told"
        )


@dataclass(frozen=True)
class Noisy:
    """Noisy sums over the samples of each cluster, all in units of the clipping bound.

    Attributes:
        counts: (K,) numbers of samples.
        means: (K, d).
        covariances: (K, d, d), or None if they were not asked for.
    """

    counts: np.ndarray
    means: np.ndarray
    covariances: np.ndarray | None


def noisy_centers(
    x_ND: np.ndarray, num_clusters: int, rounds: int, *, std: float, draw: np.random.Generator
) -> np.ndarray:
    """(K, d) centers after some rounds of Lloyd's algorithm on noisy sums and counts, begun without the data."""
    size = x_ND.shape[1]
    centers = np.abs(draw.standard_normal((num_clusters, size)))
    centers /= 2.0 * np.linalg.norm(centers, axis=1, keepdims=True)
    for _ in range(rounds):
        counts, sums = _sums(x_ND, nearest(x_ND, centers), num_clusters, std, draw)
        filled = counts >= 1.0
        centers = np.where(filled[:, np.newaxis], sums / np.maximum(counts, 1.0)[:, np.newaxis], centers)
    return centers


def noisy_moments(
    x_ND: np.ndarray, cluster_N: np.ndarray, num_clusters: int, *, std: float, draw: np.random.Generator, second: bool
) -> Noisy:
    """Noisy counts, means and, if asked for, covariances of clusters; the latter are a statistic of their own."""
    counts, sums = _sums(x_ND, cluster_N, num_clusters, std, draw)
    divisors = np.maximum(counts, 1.0)
    means = sums / divisors[:, np.newaxis]
    if not second:
        return Noisy(counts, means, None)
    covariances = [
        _second(x_ND[cluster_N == number], std, draw) / divisors[number] - np.outer(means[number], means[number])
        for number in range(num_clusters)
    ]
    return Noisy(counts, means, np.stack(covariances))


def _sums(
    x_ND: np.ndarray, cluster_N: np.ndarray, num_clusters: int, std: float, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    member_KN = (cluster_N == np.arange(num_clusters)[:, np.newaxis]).astype(np.float64)
    sums = member_KN @ x_ND
    noise = SHIFTED * std * draw.standard_normal((num_clusters, x_ND.shape[1] + 1))
    return member_KN.sum(axis=1) + noise[:, 0], sums + noise[:, 1:]


def _second(x_ND: np.ndarray, std: float, draw: np.random.Generator) -> np.ndarray:
    """Sum of x xᵀ with noise. One sample moves it by at most 1 in Frobenius norm; the noise of the upper half is
    mirrored, which is what is done with a statistic after its release.
    """
    noise = std * np.triu(draw.standard_normal((x_ND.shape[1], x_ND.shape[1])))
    return np.asarray(x_ND.T @ x_ND + noise + np.triu(noise, 1).T)
