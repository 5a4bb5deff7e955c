"""Every device sends what it computed to the server, over one half-duplex channel."""

from typing import ClassVar, Literal

from engine.costs.trace import TraceBuilder
from engine.emulation.workload import Bytes, Workload, workloads
from engine.network.link import Link
from engine.network.network import Network


@workloads.register
class SharedMedium(Workload):
    """As in a star, but devices and gateway take turns on the channel of one radio, acknowledgments among them."""

    source: ClassVar[str] = "CSMA/CA: IEEE 802.11-2020, clause 10; IEEE 802.15.4-2020, clause 6"
    kind: Literal["shared_medium"] = "shared_medium"

    size: Bytes = 1024
    """Bytes of each message, framing counted."""

    def add_round(self, builder: TraceBuilder) -> None:
        """Compute, send, wait for all."""
        computed = self.compute(builder)
        builder.barrier(self.upload(builder, self.size, after=computed))

    def network(self, link: Link) -> Network:
        """All devices in one room."""
        return self._star(link.model_copy(update={"shared_medium": True}), one_room=True)
