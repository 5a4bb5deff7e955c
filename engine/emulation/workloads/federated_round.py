"""The server sends weights to all devices, which train and send theirs back."""

from typing import ClassVar, Literal

from engine.costs.trace import TraceBuilder
from engine.emulation.workload import Bytes, Workload, workloads
from engine.network.link import Link
from engine.network.network import Network


@workloads.register
class FederatedRound(Workload):
    """One synchronous round of federated averaging."""

    source: ClassVar[str] = "McMahan et al., AISTATS 2017, algorithm 1"
    kind: Literal["federated_round"] = "federated_round"

    size: Bytes = 33_000
    """Bytes of the weights in either direction, framing counted."""

    one_room: bool = False
    """Whether all devices take turns on one half-duplex channel."""

    def add_round(self, builder: TraceBuilder) -> None:
        """Send down, train, send up, wait for all."""
        received = self.download(builder, self.size)
        trained = self.compute(builder, after=received, trains=True)
        builder.barrier(self.upload(builder, self.size, after=trained))

    def network(self, link: Link) -> Network:
        """In one room, or each with the link to itself."""
        if not self.one_room:
            return super().network(link)
        return self._star(link.model_copy(update={"shared_medium": True}), one_room=True)
