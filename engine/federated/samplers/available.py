"""Sampling by how often clients could be reached."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.federated.sampler import Candidates, FixedSize, Memory, highest, samplers


@samplers.register
class Available(FixedSize):
    """Clients are chosen by the number of rounds so far in which they could be reached; chance decides between equals.

    The source takes those first that are least likely to be there again, so that their data are seen at all. The other
    order takes those that are always there, as one does who fears that clients leave in the middle of a round.
    """

    source: ClassVar[str] = (
        "A. M. Abdelmoniem et al., REFL: Resource-Efficient Federated Learning, EuroSys 2023, intelligent "
        "participant selection, with the share of past rounds as forecast"
    )
    kind: Literal["available"] = "available"
    """By past availability."""

    prefer: Literal["often", "seldom"] = "often"
    """Whether those are taken that could be reached in the most rounds so far, or in the fewest (REFL)."""

    @property
    @override
    def keeps_memory(self) -> bool:
        return True

    @override
    def begin(self, num_clients: int) -> Memory:
        return {"rounds_seen": np.zeros(num_clients, dtype=np.int32)}

    @override
    def notice(self, candidates: Candidates) -> Memory:
        """One more round for everybody who is there."""
        seen = candidates.memory["rounds_seen"].copy()
        seen[candidates.clients] += 1
        return {"rounds_seen": seen}

    @override
    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """The extremes of the rounds seen."""
        seen = candidates.memory["rounds_seen"][candidates.clients]
        return highest(candidates.clients, seen if self.prefer == "often" else -seen, self.num_clients, draw)
