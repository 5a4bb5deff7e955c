"""Uniform sampling."""

from typing import ClassVar, Literal

import numpy as np

from engine.federated.sampler import Candidates, FixedSize, samplers


@samplers.register
class Uniform(FixedSize):
    """The same number of clients in every round, each equally likely, without repeats."""

    source: ClassVar[str] = "McMahan et al., Communication-Efficient Learning of Deep Networks, 2017, Algorithm 1"
    scheme: ClassVar[Literal["poisson", "fixed_size", "everyone"]] = "fixed_size"
    kind: Literal["uniform"] = "uniform"
    """Every client equally likely."""

    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """A uniform draw without replacement."""
        wanted = min(self.num_clients, len(candidates.clients))
        return np.sort(draw.choice(candidates.clients, size=wanted, replace=False, shuffle=False))
