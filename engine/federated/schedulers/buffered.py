"""Asynchronous training with a buffer."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.errors import Problem
from engine.federated.scheduler import Scheduler, schedulers
from engine.federated.staleness import StalenessWeight, staleness_weights
from engine.federated.staleness_weights.polynomial import Polynomial


@schedulers.register
class Buffered(Scheduler):
    """Clients train without waiting for each other; the server makes a step whenever so many updates have come.

    As many clients train at a time as the sampler takes for a round. When one comes back, another one that is idle
    starts at once from the newest model. An update that arrives late was trained on an older model: it counts less by
    its staleness, the number of steps that the server has made since. A round is one step of the server. Updates count
    by samples, as in rounds; Algorithm 1 of FedBuff counts all alike.

    Each session is timed by itself: clients that are under way at the same time do not queue for a shared channel.
    """

    source: ClassVar[str] = (
        "Nguyen et al., Federated Learning with Buffered Asynchronous Aggregation, AISTATS 2022, Algorithm 1 "
        "(FedBuff); Xie et al., Asynchronous Federated Optimization, 2019, Algorithm 1 (FedAsync: a buffer of 1)"
    )
    equation: ClassVar[str] = "w ← w + η · Σᵢ s(τᵢ) nᵢ Δᵢ / Σᵢ nᵢ"
    reads_costs: ClassVar[bool] = True
    kind: Literal["buffered"] = "buffered"
    """Nobody waits; the server steps with every few updates."""

    buffer_size: Annotated[int, Field(ge=1, le=100_000)] = 10
    """Updates from one step of the server to the next (K of FedBuff); 1 makes a step with each."""

    staleness: Annotated[StalenessWeight, staleness_weights.field()] = Field(default_factory=Polynomial)
    """What an update counts that was trained on an older model."""

    max_staleness: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Staleness from which on an update is dropped, the limit itself still counting; empty to drop none."""

    mixes: Literal["updates", "models"] = "updates"
    """What is averaged: how far clients moved from the model that they got (updates, FedBuff), or the models that they
    arrived at (models, FedAsync), which pulls the server's model back to where late clients started."""

    rate: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Factor on the mean of a buffer: the server's learning rate of FedBuff, the mixing weight alpha of FedAsync."""

    def check(self, cohort_size: int) -> list[Problem]:
        """Nothing can be wrong: a buffer may also be larger than the number of clients under way."""
        return []
