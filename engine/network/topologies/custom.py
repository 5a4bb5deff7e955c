"""Whatever somebody draws or imports."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from engine.core.errors import Problem, SpecError
from engine.network.choice import link_of
from engine.network.drawn import Node, Wire, default_nodes, example_counts
from engine.network.flaws import flaws, misfits
from engine.network.link import Link
from engine.network.multihop import MOST_DEVICES, relayed_network, too_many_devices
from engine.network.network import LinkTable, Network
from engine.network.placing import MOST_CONNECTIONS, Placing
from engine.network.relays import Relays
from engine.network.topology import OwnLinks, Topology, topologies
from engine.network.wires import Metric


@topologies.register
class Custom(OwnLinks, Topology):
    """A network drawn by hand or imported: nodes, and edges with a link of their own each.

    Devices and gateways store each message whole and pass it on along the best way to the server. With no nodes drawn,
    all groups stand around one gateway, or around the server where there is no backhaul. Where a link is a shared
    medium, all that reach the same node over it take turns.
    """

    source: ClassVar[str] = (
        "Best ways: Dijkstra, Numerische Mathematik 1, 1959; capacity as in OSPF, RFC 2328, appendix C.3"
    )
    kind: Literal["custom"] = "custom"

    nodes: tuple[Node, ...] = Field(default=(), max_length=5000)
    """The server, gateways and devices, up to 5,000; none at all stands for every group around one gateway."""

    edges: tuple[Wire, ...] = Field(default=(), max_length=20_000)
    """Who is connected to whom, each pair once, up to 20,000."""

    routes: Metric = "hops"
    """Which way to the server is the best: hops takes the fewest, latency the least sum of one-way latencies, capacity
    the least sum of seconds per bit."""

    def check(self, counts: Mapping[str, int]) -> list[Problem]:
        """What is wrong with the drawing, and what does not fit the fleet."""
        total = sum(counts.values())
        if total > MOST_DEVICES:
            return [too_many_devices(total)]
        problems = self.flaws()
        if not self.nodes:
            return problems
        problems += misfits(self.nodes, counts)
        if problems:
            return problems
        connections = Placing.of(self.nodes, counts).num_connections(self.edges)
        if connections > MOST_CONNECTIONS:
            message = (
                f"joins {connections:,} pairs of nodes, each device of a group counting for itself; allowed are up to "
                f"{MOST_CONNECTIONS:,}"
            )
            return [Problem("edges", "too_many_links", message)]
        return []

    def flaws(self) -> list[Problem]:
        """What is wrong whatever the fleet."""
        if self.nodes or self.edges:
            return flaws(self.nodes, self.edges)
        return []

    def example_counts(self) -> dict[str, int]:
        """Devices by group of a fleet that fits the drawing; empty if nothing is drawn."""
        return example_counts(self.nodes)

    def own_links(self) -> tuple[tuple[str, Link], ...]:
        """The links that edges name, with their paths."""
        return tuple(
            (f"edges.{place}.{field}", link_of(choice))
            for place, edge in enumerate(self.edges)
            for field, choice in (("link", edge.link), ("down_link", edge.down_link))
            if choice is not None
        )

    def links_of(self, network: Network) -> list[tuple[int, int]]:
        """The links of each edge by their place in the network's table: towards the server, and away from it.

        Args:
            network: the one that this topology made.
        """
        placing, relays = Placing.of(self.nodes, network.counts), network.relays
        assert relays is not None
        ends = [(placing.places[edge.start][:1], placing.places[edge.end][:1]) for edge in self.edges]
        if not ends:
            return []
        found = relays.find(*(np.concatenate(side) for side in zip(*ends, strict=True)))
        return list(zip(relays.up[found].tolist(), relays.down[found].tolist(), strict=True))

    def with_figures(self) -> Self:
        """The same with each catalogue id replaced by its link."""

        def written(edge: Wire) -> Wire:
            chosen = {"link": edge.link, "down_link": edge.down_link}
            return edge.model_copy(
                update={name: None if choice is None else link_of(choice) for name, choice in chosen.items()}
            )

        return self.model_copy(update={"edges": tuple(written(edge) for edge in self.edges)})

    def without_backhaul(self) -> list[Problem]:
        """Edges that only the backhaul could carry."""
        above = {node.name for node in self.nodes if node.role != "devices"}
        message = (
            "is missing: between gateways and server it is the backhaul that carries what names no link; set either"
        )
        return [
            Problem(f"edges.{place}.link", "missing_link", message)
            for place, edge in enumerate(self.edges)
            if edge.link is None and {edge.start, edge.end} <= above
        ]

    def connect(self, counts: Mapping[str, int], table: LinkTable, seed: int) -> Network:
        """The network of the drawing; its table holds the links that are used.

        Raises:
            SpecError: the drawing is wrong or does not fit that many devices.
        """
        problems = self.check(counts)
        if problems:
            raise SpecError(problems)
        nodes, edges = self.nodes, self.edges
        if not nodes:
            nodes, edges = default_nodes(tuple(counts), has_backhaul=table.backhaul >= 0)
        placing = Placing.of(nodes, counts)
        relays = Relays(placing.wires(edges, table, self.routes), table.links)
        used = np.unique(np.concatenate([relays.up, relays.down]))
        first = np.cumsum([0, *counts.values()])[:-1]
        narrow = table.keep(used.tolist(), relays.radio_of()[first].tolist())
        network = relayed_network(relays.over(used, narrow.links), counts, narrow, max(1, placing.num_gateways))
        return replace(network, labels=placing.labels())
