"""A resolved network: its links, the patterns of its routes, and the shared channels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.network.link import Link
from engine.network.routes import Pattern, Routes

if TYPE_CHECKING:
    from engine.network.relays import Relays

Nodes = NDArray[np.int32]


class Groups(Protocol):
    """What a network needs to know about a fleet: the number of devices by group, in order."""

    def group_counts(self) -> dict[str, int]:
        """Number of devices by group name, in order."""
        ...


class Router(Protocol):
    """Finds the routes between nodes; a topology makes it."""

    def __call__(self, sources: Nodes, targets: Nodes) -> Routes:
        """The routes of messages between these nodes."""
        ...


@dataclass(frozen=True)
class Edge:
    """A drawn connection: between two nodes, over one link.

    Attributes:
        lower: node id of the end farther from the server.
        upper: node id of the end nearer to the server.
        link: place of the link in the network's table.
    """

    lower: int
    upper: int
    link: int


@dataclass(frozen=True)
class LinkTable:
    """The links that a topology may use, by the part they play.

    Attributes:
        names: what data call each link: its id, or its name where it has none.
        links: the links.
        of_group: (G,) place of the link by which each group reaches its next hop.
        backhaul: place of the link between hub or gateways and the server; -1 if the server stands at the hub.
    """

    names: tuple[str, ...]
    links: tuple[Link, ...]
    of_group: tuple[int, ...]
    backhaul: int

    @property
    def titles(self) -> tuple[str, ...]:
        """What people call each link."""
        return tuple(link.name for link in self.links)


@dataclass(frozen=True)
class Network:
    """Who is connected to whom over which link.

    Attributes:
        table: the links.
        counts: number of devices by group name, in order.
        num_gateways: number of gateways (also called hubs) between devices and server.
        patterns: the kinds of routes there are.
        num_media: number of channels at which messages wait.
        router: finds routes.
        wiring: gives all connections; only asked for where the network is small enough to draw.
        gateway_of: (N,) number of the gateway of each device; empty if there is none.
        relays: finds ways over many hops where devices pass on the messages of others; None where nobody does.
    """

    table: LinkTable
    counts: Mapping[str, int]
    num_gateways: int
    patterns: tuple[Pattern, ...]
    num_media: int
    router: Router
    wiring: "Callable[[Network], list[Edge]]"
    gateway_of: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    relays: "Relays | None" = None

    @property
    def num_devices(self) -> int:
        """Number of devices."""
        return sum(self.counts.values())

    @property
    def links(self) -> Sequence[Link]:
        """All links by their place."""
        return self.table.links

    def edges(self) -> list[Edge]:
        """All connections, one per device and more; meant for networks small enough to draw."""
        return self.wiring(self)

    def graph_json(self) -> dict[str, Any]:
        """The network as plain data for a canvas or a table; see :func:`engine.network.drawing.graph`."""
        from engine.network.drawing import graph

        return graph(self)

    def routes(self, sources: Nodes, targets: Nodes) -> Routes:
        """The routes of messages between these nodes; where devices relay, over one hop only.

        Args:
            sources: (M,) sending nodes: devices from 0, the server -1, gateways from -2 down.
            targets: (M,) receiving nodes.

        Raises:
            EngineError: two nodes are not connected.
        """
        return self.router(sources, targets)
