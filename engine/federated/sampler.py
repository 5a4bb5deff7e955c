"""The contract of samplers: which clients take part in a round."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry


@dataclass(frozen=True)
class Candidates:
    """Who could take part in a round.

    Attributes:
        round_number: the round, from 1.
        clients: ids of the clients that can be reached, ascending.
    """

    round_number: int
    clients: np.ndarray


class Sampler(Component):
    """Chooses the clients of each round; it keeps nothing between rounds."""

    @abstractmethod
    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """The ids of the round's clients, ascending, without repeats; all candidates if there are too few.

        Args:
            candidates: who could take part.
            draw: the round's own random stream; the only source of chance.
        """

    @abstractmethod
    def cohort_size(self, num_clients: int) -> int:
        """Clients per round when all can be reached."""

    @abstractmethod
    def check(self, num_clients: int) -> list[Problem]:
        """What is wrong with the sampler for that many clients; paths are relative to it."""


samplers: Registry[Sampler] = Registry("samplers", "engine.federated.samplers", Sampler, title="Sampler")
"""All samplers by kind."""
