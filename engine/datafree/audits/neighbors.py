"""Nearest neighbors among many images, by matrix products in blocks."""

from dataclasses import dataclass

import numpy as np

BLOCK = 1024
"""Rows of a block; bounds the memory, and a fixed number keeps sums in one order."""


@dataclass(frozen=True)
class Nearest:
    """The nearest of some candidates.

    Attributes:
        distance: (N,) float64, Euclidean, to the nearest candidate.
        place: (N,) int64, its row.
    """

    distance: np.ndarray
    place: np.ndarray


def nearest(points: np.ndarray, candidates: np.ndarray) -> Nearest:
    """The nearest candidate of each point.

    Candidates are ranked by ``|c|^2 - 2 p.c`` in float32, one matrix product for a block of points and candidates; the
    distance to the chosen one is then taken from the difference itself, in float64, since the product loses small
    distances to rounding.

    Args:
        points: (N, ...), flattened to rows.
        candidates: (M, ...), as long; at least one.
    """
    p_ND, c_MD = (np.ascontiguousarray(rows.reshape(len(rows), -1), dtype=np.float32) for rows in (points, candidates))
    squares_M = np.einsum("md,md->m", c_MD, c_MD, dtype=np.float64).astype(np.float32)
    place = np.empty(len(p_ND), dtype=np.int64)
    distance = np.empty(len(p_ND), dtype=np.float64)
    for first in range(0, len(p_ND), BLOCK):
        rows = slice(first, first + BLOCK)
        place[rows] = _chosen(p_ND[rows], c_MD, squares_M)
        difference = p_ND[rows].astype(np.float64) - c_MD[place[rows]]
        distance[rows] = np.sqrt((difference * difference).sum(1))
    return Nearest(distance, place)


def _chosen(p_ND: np.ndarray, c_MD: np.ndarray, squares_M: np.ndarray) -> np.ndarray:
    """Row of the nearest candidate of each point of one block; of equal ones the first."""
    best = np.full(len(p_ND), np.inf, dtype=np.float32)
    place = np.zeros(len(p_ND), dtype=np.int64)
    for first in range(0, len(c_MD), BLOCK):
        ranks = squares_M[first : first + BLOCK] - 2.0 * (p_ND @ c_MD[first : first + BLOCK].T)
        found = ranks.argmin(axis=1)
        rank = ranks[np.arange(len(ranks)), found]
        nearer = rank < best
        best[nearer], place[nearer] = rank[nearer], first + found[nearer]
    return place
