"""Uniform sampling."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.federated.sampler import Candidates, Sampler, samplers


@samplers.register
class Uniform(Sampler):
    """The same number of clients in every round, each equally likely, without repeats."""

    source: ClassVar[str] = "McMahan et al., Communication-Efficient Learning of Deep Networks, 2017, Algorithm 1"
    kind: Literal["uniform"] = "uniform"
    """Every client equally likely."""

    num_clients: Annotated[int, Field(ge=1, le=10_000_000)] = 10
    """Clients per round; at most the devices of the fleet."""

    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """A uniform draw without replacement."""
        wanted = min(self.num_clients, len(candidates.clients))
        return np.sort(draw.choice(candidates.clients, size=wanted, replace=False, shuffle=False))

    def cohort_size(self, num_clients: int) -> int:
        """The number set, or all clients if there are fewer."""
        return min(self.num_clients, num_clients)

    def check(self, num_clients: int) -> list[Problem]:
        """More clients per round than there are is an error."""
        if self.num_clients <= num_clients:
            return []
        message = f"a round takes at most all {num_clients} devices of the fleet, but num_clients is {self.num_clients}"
        return [Problem("num_clients", "cohort_exceeds_fleet", message)]
