"""Sampling by a coin for each client."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.federated.sampler import Candidates, FixedSize, samplers


@samplers.register
class Poisson(FixedSize):
    """Each client takes part by a coin of its own, so rounds differ in size; what privacy by sampling is proven for.

    The chance is the number of clients per round over all clients of the fleet, reachable or not.
    """

    source: ClassVar[str] = (
        "H. B. McMahan et al., Learning Differentially Private Recurrent Language Models, ICLR 2018, algorithm 1"
    )
    equation: ClassVar[str] = "P(k takes part) = m / N"
    scheme: ClassVar[Literal["poisson", "fixed_size", "everyone"]] = "poisson"
    kind: Literal["poisson"] = "poisson"
    """A coin for each client."""

    @override
    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """Those whose coin fell that way: their number is binomial, and given the number all are equally likely."""
        among = candidates.clients
        chance = min(1.0, self.num_clients / max(1, candidates.num_clients))
        return np.sort(draw.choice(among, size=draw.binomial(len(among), chance), replace=False, shuffle=False))
