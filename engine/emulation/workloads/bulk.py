"""A device sends one large message to the server."""

from typing import ClassVar, Literal

from pydantic import Field

from engine.costs.trace import TraceBuilder
from engine.emulation.workload import Bytes, Seconds, Workload, workloads


@workloads.register
class Bulk(Workload):
    """Data or weights, without any computation before."""

    source: ClassVar[str] = "Cardwell et al., Modeling TCP Latency, INFOCOM 2000"
    kind: Literal["bulk"] = "bulk"
    devices: int = Field(default=1, ge=1, le=127)
    """How many devices there are besides the server."""

    compute_s: Seconds = 0.0
    """How long a computation takes on a device."""

    size: Bytes = 128_000
    """Bytes of the message, framing counted."""

    def add_round(self, builder: TraceBuilder) -> None:
        """Send."""
        self.upload(builder, self.size, after=None)
