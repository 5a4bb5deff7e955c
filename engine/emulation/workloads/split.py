"""A device computes the first layers of a network and sends the activation to the server, which answers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.units import Unit
from engine.costs.trace import TraceBuilder
from engine.emulation.workload import Bytes, Workload, workloads


@workloads.register
class Split(Workload):
    """Partition of a network between device and server."""

    source: ClassVar[str] = "Kang et al., Neurosurgeon, ASPLOS 2017"
    kind: Literal["split"] = "split"
    devices: int = Field(default=1, ge=1, le=127)
    """How many devices there are besides the server."""

    size: Bytes = 8192
    """Bytes of the activation, framing counted."""

    reply: Annotated[int, Field(ge=12, le=100_000_000), Unit("B")] = 12
    """Bytes of the answer, framing counted."""

    new_connection: bool = False
    """Whether a connection is opened for each activation; the answer takes the same."""

    def add_round(self, builder: TraceBuilder) -> None:
        """Compute, send, answer."""
        sent = self.upload(builder, self.size, after=self.compute(builder), new_connection=self.new_connection)
        self.download(builder, self.reply, after=sent)
