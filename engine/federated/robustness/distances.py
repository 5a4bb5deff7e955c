"""Distances between updates, and the scores of Krum that rest on them."""

import numpy as np

from engine.federated.aggregator import column_chunks


def squared_distances(values: np.ndarray) -> np.ndarray:
    """Squared distances between the rows of (m, P) values: (m, m) float64, zero on the diagonal.

    By one Gram matrix, ``|a|^2 + |b|^2 - 2 a.b``, summed in float64 over some columns at a time. That difference
    cancels when two rows lie much closer to each other than to the origin: float64 keeps four digits of a squared
    distance of 1e-12 of the squared norm, float32 has none left at 1e-7. Rows are updates, so the origin is the model
    that was sent. They are not centered, because an attacker could shift the center: so an entry depends on its two
    rows alone. A row that is not finite lies infinitely far from all others.
    """
    count = len(values)
    gram = np.zeros((count, count))
    with np.errstate(invalid="ignore", over="ignore"):
        for columns in column_chunks(values):
            part = values[:, columns].astype(np.float64)
            gram += part @ part.T
        norms = np.diagonal(gram)
        distances = norms[:, np.newaxis] + norms - 2 * gram
    distances[np.isnan(distances)] = np.inf
    np.maximum(distances, 0, out=distances)
    np.fill_diagonal(distances, 0)
    return distances


def krum_scores(distances: np.ndarray, num_malicious: int) -> np.ndarray:
    """Of each of n updates, the sum of squared distances to its ``n - f - 2`` nearest others, at least one: (n,)."""
    count = len(distances)
    nearest = max(1, count - num_malicious - 2)
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    if nearest < count - 1:
        others.partition(nearest - 1, axis=1)
    scores: np.ndarray = others[:, :nearest].sum(axis=1)
    return scores


def krum_order(distances: np.ndarray, num_malicious: int, count: int) -> np.ndarray:
    """The places that Krum chooses when it is asked again and again without those chosen before: (count,).

    Each time the number of nearest others follows from how many are left. Rows are sorted once, and those that are gone
    are masked.
    """
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    order = np.argsort(others, axis=1, kind="stable")
    ranked = np.take_along_axis(others, order, axis=1)
    left, chosen = np.ones(len(distances), dtype=np.bool_), []
    for remaining in range(len(distances), len(distances) - count, -1):
        nearest = max(1, remaining - num_malicious - 2)
        here = left[order]
        counted = here & (np.cumsum(here, axis=1) <= nearest)
        scores = np.where(counted, ranked, 0.0).sum(axis=1)
        scores[~left] = np.nan
        best = int(np.nanargmin(scores))
        chosen.append(best)
        left[best] = False
    return np.array(chosen, dtype=np.int64)
