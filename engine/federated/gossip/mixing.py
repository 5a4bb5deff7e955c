"""Mixing matrices of gossip: how much each device takes of its neighbors' models."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from engine.federated.rounds.sessions import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Rule = Literal["metropolis", "uniform"]
"""``metropolis``: 1 / (1 + the greater of both degrees), symmetric and doubly stochastic on every graph (Xiao and Boyd,
Fast Linear Iterations for Distributed Averaging, 2004, section 4). ``uniform``: the mean over a device and its
neighbors, doubly stochastic only where all have as many."""


def mixing_matrix(count: int, pairs: Ints, rule: Rule) -> "csr_matrix":
    """(count, count) the matrix: row i holds what device i takes of each; rows sum to 1.

    Args:
        count: devices.
        pairs: (E, 2) which of them are connected, each pair once.
        rule: how neighbors are weighted.
    """
    from scipy.sparse import csr_matrix

    degree = np.bincount(pairs.reshape(-1), minlength=count)
    one, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    most = np.maximum(degree[one], degree[other]) if rule == "metropolis" else degree[one]
    weights = 1.0 / (1.0 + most)
    own = 1.0 - np.bincount(one, weights=weights, minlength=count)
    each = np.arange(count)
    entries = (np.concatenate([weights, own]), (np.concatenate([one, each]), np.concatenate([other, each])))
    matrix: csr_matrix = csr_matrix(entries, shape=(count, count))
    matrix.sort_indices()
    return matrix


def spectral_gap(matrix: "csr_matrix") -> float:
    """1 minus the second largest absolute eigenvalue: 1 mixes at once, 0 never (Lian et al., 2017, Assumption 1)."""
    sizes: Floats = np.sort(np.abs(np.linalg.eigvals(matrix.toarray())))[::-1]
    return float(1.0 - sizes[1]) if len(sizes) > 1 else 1.0
