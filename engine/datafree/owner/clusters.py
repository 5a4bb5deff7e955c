"""k-means of activations, plainly and with differential privacy; NumPy only."""

import numpy as np

RESTARTS = 3
"""Beginnings of which the one with the smallest distances is kept."""

MOST_ROUNDS = 50


def k_means(x_ND: np.ndarray, num_clusters: int, draw: np.random.Generator) -> np.ndarray:
    """(N,) which of at most ``num_clusters`` clusters each sample belongs to.

    Source: S. P. Lloyd, Least Squares Quantization in PCM, 1982; beginnings of D. Arthur, S. Vassilvitskii,
    k-means++, SODA 2007.
    """
    best, least = np.zeros(len(x_ND), dtype=np.int64), np.inf
    for _ in range(RESTARTS if num_clusters > 1 else 1):
        centers = _beginning(x_ND, num_clusters, draw)
        found = nearest(x_ND, centers)
        for _ in range(MOST_ROUNDS):
            centers = _means(x_ND, found, centers)
            again = nearest(x_ND, centers)
            if np.array_equal(again, found):
                break
            found = again
        cost = float(((x_ND - centers[found]) ** 2).sum())
        if cost < least:
            best, least = found, cost
    return best


def merged(x_ND: np.ndarray, cluster_N: np.ndarray, smallest: int) -> np.ndarray:
    """The clusters after the smallest ones were dissolved until each has ``smallest`` samples, numbered from 0.

    The samples of a dissolved cluster go to the nearest center that remains. At least one cluster always remains.
    """
    names, cluster_N = np.unique(cluster_N, return_inverse=True)
    centers = np.stack([x_ND[cluster_N == number].mean(axis=0) for number in range(len(names))])
    while len(centers) > 1:
        sizes = np.bincount(cluster_N, minlength=len(centers))
        if sizes.min() >= smallest:
            break
        kept = np.delete(np.arange(len(centers)), sizes.argmin())
        centers = centers[kept]
        cluster_N = nearest(x_ND, centers)
        centers = _means(x_ND, cluster_N, centers)
    return cluster_N


def nearest(x_ND: np.ndarray, centers_KD: np.ndarray) -> np.ndarray:
    """(N,) number of the nearest center of each sample."""
    squares = (centers_KD**2).sum(axis=1) - 2.0 * (x_ND @ centers_KD.T)
    return np.asarray(squares.argmin(axis=1))


def _beginning(x_ND: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
    chosen = [x_ND[draw.integers(len(x_ND))]]
    distance = ((x_ND - chosen[0]) ** 2).sum(axis=1)
    while len(chosen) < count and distance.sum() > 0:
        chosen.append(x_ND[draw.choice(len(x_ND), p=distance / distance.sum())])
        distance = np.minimum(distance, ((x_ND - chosen[-1]) ** 2).sum(axis=1))
    return np.stack(chosen)


def _means(x_ND: np.ndarray, cluster_N: np.ndarray, before_KD: np.ndarray) -> np.ndarray:
    """Mean of each cluster; one that lost all samples stays where it was."""
    counts = np.bincount(cluster_N, minlength=len(before_KD))
    member_KN = (cluster_N == np.arange(len(before_KD))[:, np.newaxis]).astype(x_ND.dtype)
    sums = member_KN @ x_ND
    filled = counts > 0
    return np.where(filled[:, np.newaxis], sums / np.maximum(counts, 1)[:, np.newaxis], before_KD)
