"""The device at the end of a line sends to the server, over as many hops as the line has."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import EngineError
from engine.core.nodes import SERVER
from engine.costs.trace import TraceBuilder
from engine.emulation.workload import GROUP, Bytes, Workload, workloads
from engine.network.link import Link
from engine.network.network import Edge, LinkTable, Network, Nodes
from engine.network.routes import NO_MEDIUM, Hop, Routes, Segment


@workloads.register
class Line(Workload):
    """Packets are stored and forwarded from hop to hop, over one connection from end to end."""

    source: ClassVar[str] = "Kurose and Ross, Computer Networking, section 1.3.1 (store and forward)"
    kind: Literal["line"] = "line"
    devices: int = Field(default=1, ge=1, le=1)
    """One device sends; those between only forward."""

    hops: Annotated[int, Field(ge=1, le=16)] = 4
    """Links between the device and the server."""

    size: Bytes = 1024
    """Bytes of the message, framing counted."""

    def add_round(self, builder: TraceBuilder) -> None:
        """Compute, send."""
        self.upload(builder, self.size, after=self.compute(builder))

    def network(self, link: Link) -> Network:
        """One route of equal hops."""
        places = range(self.hops)
        up = tuple(Hop(0, True, device_sends=place == 0) for place in places)
        down = tuple(Hop(0, False, device_receives=place == self.hops - 1) for place in places)
        return Network(
            table=LinkTable((link.name,), (link,), (0,), -1),
            counts={GROUP: 1},
            num_gateways=0,
            patterns=((Segment(up),), (Segment(down),)),
            num_media=1,
            router=_route,
            wiring=_edges,
        )


def _route(sources: Nodes, targets: Nodes) -> Routes:
    if np.any((sources != SERVER) == (targets != SERVER)):
        raise EngineError("in a line messages go between its two ends only")
    pattern = (sources == SERVER).astype(np.int32)
    return Routes(pattern, np.full((len(pattern), 1), NO_MEDIUM, np.int32))


def _edges(network: Network) -> list[Edge]:
    return [Edge(0, SERVER, 0, 0)]
