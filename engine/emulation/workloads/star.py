"""Every device sends what it computed to the server, over a link of its own."""

from typing import ClassVar, Literal

from engine.costs.trace import TraceBuilder
from engine.emulation.workload import Bytes, Workload, workloads


@workloads.register
class StarWorkload(Workload):
    """Devices compute at once, and the server has the result when the last message has come."""

    source: ClassVar[str] = "Bhardwaj et al., ACM TECS 18(5s), 2019 (NoNN: students send features to one classifier)"
    kind: Literal["star"] = "star"

    size: Bytes = 256
    """Bytes of each message, framing counted."""

    new_connection: bool = False
    """Whether a connection is opened for each message."""

    def add_round(self, builder: TraceBuilder) -> None:
        """Compute, send, wait for all."""
        computed = self.compute(builder)
        builder.barrier(self.upload(builder, self.size, after=computed, new_connection=self.new_connection))
