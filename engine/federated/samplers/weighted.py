"""Sampling by the amount of data."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.federated.sampler import Candidates, FixedSize, by_weight, samplers


@samplers.register
class Weighted(FixedSize):
    """Clients are drawn in proportion to their numbers of samples, without repeats.

    The source draws with replacement and then averages all updates equally. Here nobody is drawn twice, and a strategy
    that weights updates by samples counts large clients once more.
    """

    source: ClassVar[str] = (
        "X. Li et al., On the Convergence of FedAvg on Non-IID Data, ICLR 2020, scheme I; drawn by "
        "P. S. Efraimidis and P. G. Spirakis, Weighted random sampling with a reservoir, 2006"
    )
    equation: ClassVar[str] = "P(next is k) = nₖ / Σ nⱼ over those left"
    kind: Literal["weighted"] = "weighted"
    """Clients with more samples are more likely."""

    @override
    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """A weighted draw without replacement."""
        clients = candidates.clients
        return by_weight(clients, candidates.num_samples(clients).astype(np.float64), self.num_clients, draw)
