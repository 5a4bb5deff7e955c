"""A shift that hides in the spread of the honest updates."""

import math
from statistics import NormalDist
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.aggregator import column_chunks
from engine.federated.attack import Attack, attacks


@attacks.register
class Alie(Attack):
    """A Little Is Enough: all malicious clients send the mean of each coordinate, shifted by ``z`` standard deviations.

    The shift is small enough that some honest clients lie farther out, so rules that drop outliers drop those. Mean and
    deviation are those of what the malicious clients learned in good faith, so they need not see anybody else's update;
    a single one has no deviation and does no harm.
    """

    crafts: ClassVar[bool] = True
    source: ClassVar[str] = (
        "Baruch et al., A Little Is Enough: Circumventing Defenses For Distributed Learning, NeurIPS 2019, Algorithm 3"
    )
    equation: ClassVar[str] = "uₖ ← μ − z σ, Φ(z) = (m − f − s) / (m − f)"
    kind: Literal["alie"] = "alie"
    """A shift that hides in the spread of the honest updates."""

    z: Annotated[float, Field(gt=0, le=1e3)] | None = None
    """Standard deviations of the shift; empty for the paper's formula: the largest shift at which enough honest updates
    lie farther out to form a majority with the malicious ones, none at all for a fifth of malicious clients or less."""

    omniscient: bool = False
    """Whether mean and deviation are those of the round's honest updates in place of the malicious clients' own."""

    @override
    def craft(self, updates: np.ndarray, is_malicious: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        count = int(is_malicious.sum())
        shift = self.z if self.z is not None else largest_shift(len(updates), count)
        seen = ~is_malicious if self.omniscient and not is_malicious.all() else is_malicious
        sent = np.empty(updates.shape[1], dtype=updates.dtype)
        for columns in column_chunks(updates):
            part = updates[seen, columns].astype(np.float64)
            sent[columns] = part.mean(axis=0) - shift * part.std(axis=0)
        return np.broadcast_to(sent, (count, len(sent)))


def largest_shift(num_updates: int, num_malicious: int) -> float:
    """The paper's z for n updates, f of them malicious: ``Phi(z) = (n - f - s) / (n - f)``.

    ``s = floor(n / 2 + 1) - f`` is how many honest updates must lie farther out. Never below zero, which the formula
    gives for few malicious clients. Where they are a majority by themselves, as if one honest update were still needed.
    """
    honest = num_updates - num_malicious
    supporters = max(1, math.floor(num_updates / 2 + 1) - num_malicious)
    share = (honest - supporters) / honest if honest else 0.0
    return max(0.0, NormalDist().inv_cdf(share)) if share > 0 else 0.0
