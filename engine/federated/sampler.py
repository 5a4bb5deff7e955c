"""The contract of samplers: which clients take part in a round, and what is remembered for the next."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, NoReturn

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry

Memory = Mapping[str, np.ndarray]
"""What a sampler knows of earlier rounds: arrays by name, most of them with a place per client; part of the state."""

Figures = Callable[[np.ndarray], np.ndarray]
"""Gives a number for each of some clients, (n,) ids -> (n,), when it is asked."""


def _unknown(_clients: np.ndarray) -> NoReturn:
    raise LookupError("these candidates come without figures of clients")


@dataclass(frozen=True)
class Candidates:
    """Who could take part in a round.

    Attributes:
        round_number: the round, from 1.
        clients: ids of the clients that can be reached, ascending.
        num_clients: clients in all, reachable or not.
        num_samples: training samples of some clients.
        rates_bps: at which each can send, in bits per second; only for samplers with ``reads_costs``.
        memory: what is known of earlier rounds; empty before the first.
        asked: ids of the clients that told the loss of the current model, ascending.
        losses: (a,) that loss, the mean over each client's own samples.
    """

    round_number: int
    clients: np.ndarray
    num_clients: int = 0
    num_samples: Figures = _unknown
    rates_bps: Figures = _unknown
    memory: Memory = field(default_factory=dict)
    asked: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    losses: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Feedback:
    """What a round showed of the clients whose updates arrived.

    Attributes:
        round_number: the round, from 1.
        clients: (m,) ids, ascending.
        losses: (m,) mean cross-entropy over each client's local steps.
        num_samples: (m,) training samples of each.
        durations_s: (m,) from the start of the round until its update was there; only for samplers with
            ``reads_costs``, else zeros.
    """

    round_number: int
    clients: np.ndarray
    losses: np.ndarray
    num_samples: np.ndarray
    durations_s: np.ndarray


class Sampler(Component):
    """Chooses the clients of each round; what it remembers is handed in and out."""

    scheme: ClassVar[Literal["poisson", "fixed_size", "everyone"]] = "everyone"
    """How chance decides, as far as privacy may rely on it: each client by a coin of its own, equally many at random,
    or as if everyone took part, because the choice depends on what clients hold or do."""

    @property
    def keeps_memory(self) -> bool:
        """Whether it remembers anything between rounds."""
        return False

    @property
    def asks_losses(self) -> bool:
        """Whether clients first tell the loss of the current model, which costs a message down and a forward pass."""
        return False

    def begin(self, num_clients: int) -> Memory:
        """What is known before the first round."""
        return {}

    def notice(self, candidates: Candidates) -> Memory:
        """What is known once it shows who can be reached in a round, before anybody is chosen."""
        return candidates.memory

    def ask(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """Ids of the clients that shall tell their loss before the choice, ascending; nobody by default."""
        return np.zeros(0, dtype=np.int64)

    @abstractmethod
    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """The ids of the round's clients, ascending, without repeats; all candidates if there are too few.

        Args:
            candidates: who could take part.
            draw: the round's own random stream; the only source of chance.
        """

    def learn(self, memory: Memory, feedback: Feedback) -> Memory:
        """What is known after a round; arrays are replaced, never changed in place."""
        return memory

    @abstractmethod
    def cohort_size(self, num_clients: int) -> int:
        """Clients per round when all can be reached."""

    @abstractmethod
    def check(self, num_clients: int) -> list[Problem]:
        """What is wrong with the sampler for that many clients; paths are relative to it."""


class FixedSize(Sampler):
    """A sampler that takes the same number of clients in every round."""

    kind: str

    num_clients: Annotated[int, Field(ge=1, le=10_000_000)] = 10
    """Clients per round; at most the devices of the fleet."""

    def cohort_size(self, num_clients: int) -> int:
        """The number set, or all clients if there are fewer."""
        return min(self.num_clients, num_clients)

    def check(self, num_clients: int) -> list[Problem]:
        """More clients per round than there are is an error."""
        if self.num_clients <= num_clients:
            return []
        message = f"a round takes at most all {num_clients} devices of the fleet, but num_clients is {self.num_clients}"
        return [Problem("num_clients", "cohort_exceeds_fleet", message)]


def by_weight(clients: np.ndarray, weights: np.ndarray, wanted: int, draw: np.random.Generator) -> np.ndarray:
    """A draw without replacement, one client after the other with chances in proportion to the weights of those left.

    Each client draws an exponential time of that rate and the first ones are taken, which is the same distribution
    (Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006) in one pass. Clients of weight 0 come
    after all others, in random order.

    Args:
        clients: (n,) ids.
        weights: (n,) not negative.
        wanted: how many; all if there are fewer.
        draw: the source of chance.

    Returns:
        Their ids, ascending.
    """
    if wanted >= len(clients):
        return np.sort(clients)
    times = draw.standard_exponential(len(clients))
    scaled = np.divide(times, weights, out=np.full(len(clients), np.inf), where=weights > 0)
    if np.count_nonzero(weights > 0) < wanted:
        return np.sort(clients[np.lexsort((times, scaled))[:wanted]])
    return np.sort(clients[np.argpartition(scaled, wanted - 1)[:wanted]])


def highest(clients: np.ndarray, values: np.ndarray, wanted: int, draw: np.random.Generator) -> np.ndarray:
    """The clients of the largest values; chance decides between equal ones.

    Args:
        clients: (n,) ids.
        values: (n,).
        wanted: how many; all if there are fewer.
        draw: the source of chance.

    Returns:
        Their ids, ascending.
    """
    if wanted >= len(clients):
        return np.sort(clients)
    least = np.partition(values, len(values) - wanted)[len(values) - wanted]
    sure, equal = clients[values > least], clients[values == least]
    return np.sort(np.concatenate([sure, draw.choice(equal, size=wanted - len(sure), replace=False, shuffle=False)]))


samplers: Registry[Sampler] = Registry("samplers", "engine.federated.samplers", Sampler, title="Sampler")
"""All samplers by kind."""
