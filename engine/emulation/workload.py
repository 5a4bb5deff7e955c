"""What nodes do in a round, as a trace: the family of workloads. Tasks plug in by the traces that they write."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.core.component import Component
from engine.core.nodes import SERVER
from engine.core.registry import Registry
from engine.core.units import Unit
from engine.costs.trace import Ids, Trace, TraceBuilder
from engine.costs.work import Work
from engine.fleet.device import Device
from engine.fleet.fleet import Fleet
from engine.fleet.group import FleetSpec, GroupSpec
from engine.network.link import Link
from engine.network.network import Network
from engine.network.spec import NetworkSpec
from engine.network.topologies.star import Star

GROUP = "devices"
MACS_PER_S = 1e9
"""Speed of the devices of a workload, so that their work is written in nanoseconds."""

Seconds = Annotated[float, Field(ge=0, le=60), Unit("s")]
Bytes = Annotated[int, Field(ge=16, le=100_000_000), Unit("B")]


class Outcome(Protocol):
    """When the items of one round began and ended, measured or predicted."""

    @property
    def start_s(self) -> Mapping[int, float] | NDArray[np.float64]:
        """Start by item."""

    @property
    def end_s(self) -> Mapping[int, float] | NDArray[np.float64]:
        """End by item."""


class Workload(Component, ABC):
    """A pattern of computations and messages that is repeated round after round.

    Its devices take ``compute_s`` for a computation, whatever this host needs for it, so that what is measured is the
    network and the way in which the times add up.
    """

    kind: str

    devices: int = Field(default=4, ge=1, le=127)
    """How many devices there are besides the server."""

    compute_s: Seconds = 0.02
    """How long a computation takes on a device."""

    @abstractmethod
    def add_round(self, builder: TraceBuilder) -> None:
        """Add the items of one round."""

    def rounds(self, count: int) -> Trace:
        """The trace of so many rounds, one after the other."""
        builder = TraceBuilder()
        for _ in range(count):
            builder.next_round()
            self.add_round(builder)
        return builder.build()

    def fleet(self) -> Fleet:
        """Devices that compute exactly as long as they should."""
        pinned: dict[str, Any] = {"conv_rate": MACS_PER_S, "ram_bytes": 1e9, "active_power_w": 1.0, "idle_power_w": 0.1}
        device = Device(name="pinned", **pinned)
        return FleetSpec(groups=(GroupSpec(name=GROUP, device=device, count=self.devices),)).resolve()

    def network(self, link: Link) -> Network:
        """Each device has the link to itself, and the server stands at its end."""
        return self._star(link, one_room=False)

    def measures(self, round_: Outcome, items: range) -> list[float]:
        """What a round tells, in seconds: how long it took until the last item had ended.

        Args:
            round_: times from the start of the round.
            items: the numbers of the round's items.
        """
        return [max(float(round_.end_s[item]) for item in items)]

    def compute(self, builder: TraceBuilder, *, after: Any = None, trains: bool = False) -> Ids:
        """Every device computes once."""
        work = Work(macs={"conv": round(self.compute_s * MACS_PER_S / (3 if trains else 1))})
        return builder.compute(
            np.arange(self.devices), work, 1, mode="train" if trains else "infer", after=after, phase="compute"
        )

    def upload(self, builder: TraceBuilder, size: int, *, after: Any, new_connection: bool = False) -> Ids:
        """Every device sends something to the server."""
        ends = np.arange(self.devices), np.int32(SERVER)
        return builder.send(*ends, size, new_connection=new_connection, after=after, phase="upload")

    def download(self, builder: TraceBuilder, size: int, *, after: Any = None) -> Ids:
        """The server sends something to every device."""
        ends = np.int32(SERVER), np.arange(self.devices)
        return builder.send(*ends, size, new_connection=False, after=after, phase="download")

    def _star(self, link: Link, *, one_room: bool) -> Network:
        spec = NetworkSpec(topology=Star(one_room=one_room), links={GROUP: link}, backhaul=None)
        return spec.resolve(self.fleet())


workloads: Registry[Workload] = Registry("workloads", "engine.emulation.workloads", Workload, title="Workload")
"""All workloads."""
