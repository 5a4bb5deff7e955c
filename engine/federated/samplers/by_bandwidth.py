"""Sampling of clients that can send fast."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from engine.federated.sampler import Candidates, FixedSize, highest, samplers


@samplers.register
class ByBandwidth(FixedSize):
    """Some clients are drawn at random; those whose own link sends fastest among them take part.

    The source lets the server ask random clients for their resources and fills a deadline with the quickest; here the
    number is fixed. Chance decides between equally fast ones.
    """

    source: ClassVar[str] = (
        "T. Nishio and R. Yonetani, Client Selection for Federated Learning with Heterogeneous Resources in Mobile "
        "Edge, ICC 2019, protocol 2"
    )
    reads_costs: ClassVar[bool] = True
    kind: Literal["by_bandwidth"] = "by_bandwidth"
    """The fastest links among a few."""

    candidates: Annotated[int, Field(ge=1, le=10_000_000)] = 30
    """Clients among which the choice is made, at least as many as take part; as many gives uniform sampling, the whole
    fleet always the fastest."""

    @model_validator(mode="after")
    def _has_a_choice(self) -> "ByBandwidth":
        if self.candidates < self.num_clients:
            raise ValueError(
                f"candidates must be at least num_clients, which is {self.num_clients}, but is {self.candidates}"
            )
        return self

    @override
    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """The highest rates towards the server."""
        count = min(self.candidates, len(candidates.clients))
        drawn = draw.choice(candidates.clients, size=count, replace=False, shuffle=False)
        return highest(drawn, candidates.rates_bps(drawn), self.num_clients, draw)
