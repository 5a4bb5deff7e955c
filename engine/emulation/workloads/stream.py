"""A device sends readings at a steady pace, whether the one before has arrived or not."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.nodes import SERVER
from engine.costs.trace import TraceBuilder
from engine.emulation.workload import Bytes, Outcome, Workload, workloads


@workloads.register
class Stream(Workload):
    """Readings of a sensor; ``compute_s`` is the time between two of them, and each one's latency is measured."""

    source: ClassVar[str] = "Little, Operations Research 9(3), 1961 (messages under way = rate times latency)"
    kind: Literal["stream"] = "stream"
    devices: int = Field(default=1, ge=1, le=127)
    """How many devices there are besides the server."""

    size: Bytes = 200
    """Bytes of each reading, framing counted."""

    readings: Annotated[int, Field(ge=1, le=1000)] = 10
    """Readings of each device in a round."""

    def add_round(self, builder: TraceBuilder) -> None:
        """Wait, send, and so on."""
        moment = None
        for _ in range(self.readings):
            moment = self.compute(builder, after=moment)
            builder.send(np.arange(self.devices), SERVER, self.size, new_connection=False, after=moment, phase="upload")

    def measures(self, round_: Outcome, items: range) -> list[float]:
        """The latency of each reading."""
        # A round alternates between the computations of all devices and their messages.
        messages = [item for item in items if (item - items.start) // self.devices % 2]
        return [float(round_.end_s[item]) - float(round_.start_s[item]) for item in messages]
