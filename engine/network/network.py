"""A resolved network: its links, the patterns of its routes, and the shared channels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import node_name
from engine.network.link import Link
from engine.network.routes import Pattern, Routes

if TYPE_CHECKING:
    from engine.network.relays import Relays
    from engine.network.schedule import Schedules, State

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
        link: place in the network's table of the link from the lower to the upper end.
        down: place of the link the other way; mostly the same.
    """

    lower: int
    upper: int
    link: int
    down: int


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

    def keep(self, used: Sequence[int], of_group: Sequence[int]) -> "LinkTable":
        """The table of only some links.

        Args:
            used: their places, ascending.
            of_group: for each group the place of its link, one of these.
        """
        return LinkTable(
            names=tuple(self.names[place] for place in used),
            links=tuple(self.links[place] for place in used),
            of_group=tuple(used.index(place) for place in of_group),
            backhaul=used.index(self.backhaul) if self.backhaul in used else -1,
        )


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
        labels: what people call some of the nodes, by node id.
        trunk: gives the connections of gateways with each other and the server, where devices do not relay; empty if
            gateways stand at the server.
        schedules: how the links change; None if they stay as they are.
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
    labels: Mapping[int, str] = field(default_factory=dict)
    trunk: "Callable[[], list[Edge]]" = list
    schedules: "Schedules | None" = None

    @property
    def num_devices(self) -> int:
        """Number of devices."""
        return sum(self.counts.values())

    @property
    def links(self) -> Sequence[Link]:
        """All links by their place."""
        return self.table.links

    @cached_property
    def radio_of(self) -> NDArray[np.int64]:
        """(N,) place of the link by which each device reaches its next hop: that of its radio."""
        if self.relays is not None:
            return self.relays.radio_of()
        return np.repeat(np.asarray(self.table.of_group, dtype=np.int64), list(self.counts.values()))

    def in_state(self, state: "State") -> "Network":
        """The network with its links as they are in a state of its schedules."""
        assert self.schedules is not None
        table = replace(self.table, links=self.schedules.links_in(state))
        return replace(self, table=table, schedules=None)

    def label(self, node: int) -> str:
        """A node as people call it: by the name it was given, else by what it is and its number."""
        return self.labels.get(node, node_name(node).replace(":", " "))

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
