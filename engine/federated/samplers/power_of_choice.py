"""Sampling of clients that the model suits badly."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from engine.federated.sampler import Candidates, Feedback, FixedSize, Memory, by_weight, highest, samplers


@samplers.register
class PowerOfChoice(FixedSize):
    """Some clients are drawn in proportion to their samples; those with the highest loss among them take part.

    With current losses every drawn client receives the model, measures it on its own samples and answers with one
    number; messages and computation are counted, and those who then take part do not receive the model again. With last
    ones the server remembers the training loss of each client's last round, and who never took part comes first.
    """

    source: ClassVar[str] = (
        "Y. J. Cho, J. Wang and G. Joshi, Client Selection in Federated Learning: Convergence Analysis and "
        "Power-of-Choice Selection Strategies, 2020 (arXiv 2010.01243), pow-d and rpow-d"
    )
    equation: ClassVar[str] = "the m largest Fₖ(w) among d drawn with P ~ nₖ"
    kind: Literal["power_of_choice"] = "power_of_choice"
    """Those with the highest loss among a few."""

    candidates: Annotated[int, Field(ge=1, le=10_000_000)] = 30
    """Clients among which the choice is made (d), at least as many as take part; as many gives weighted sampling."""

    losses: Literal["current", "last"] = "current"
    """Which loss counts: that of the current model, which clients are asked for (pow-d), or that of the client's last
    training, which costs nothing (rpow-d)."""

    @model_validator(mode="after")
    def _has_a_choice(self) -> "PowerOfChoice":
        if self.candidates < self.num_clients:
            raise ValueError(
                f"candidates must be at least num_clients, which is {self.num_clients}, but is {self.candidates}"
            )
        return self

    @property
    @override
    def keeps_memory(self) -> bool:
        return self.losses == "last"

    @property
    @override
    def asks_losses(self) -> bool:
        return self.losses == "current"

    @override
    def begin(self, num_clients: int) -> Memory:
        return {"last_loss": np.full(num_clients, np.inf)} if self.keeps_memory else {}

    @override
    def ask(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        return self._drawn(candidates, draw) if self.asks_losses else np.zeros(0, dtype=np.int64)

    @override
    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """The highest losses; one that is not a number counts as highest."""
        if self.asks_losses:
            return highest(candidates.asked, _comparable(candidates.losses), self.num_clients, draw)
        drawn = self._drawn(candidates, draw)
        return highest(drawn, _comparable(candidates.memory["last_loss"][drawn]), self.num_clients, draw)

    @override
    def learn(self, memory: Memory, feedback: Feedback) -> Memory:
        if not self.keeps_memory:
            return memory
        last_loss = memory["last_loss"].copy()
        last_loss[feedback.clients] = feedback.losses
        return {"last_loss": last_loss}

    def _drawn(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        clients = candidates.clients
        return by_weight(clients, candidates.num_samples(clients).astype(np.float64), self.candidates, draw)


def _comparable(losses: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(losses), np.inf, losses)
