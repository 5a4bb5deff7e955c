"""What all topologies have in common in which devices pass on the messages of others."""

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from engine.core.errors import Problem, SpecError
from engine.network.graph import Graph
from engine.network.network import LinkTable, Network
from engine.network.relays import Relays
from engine.network.topology import Topology
from engine.network.wires import Wires

MOST_DEVICES = 250_000
"""Devices that relay in one network: routes and channels of each are kept as columns (about a second, 200 MB)."""


class Multihop(Topology):
    """A topology whose devices relay: store each message whole and pass it on towards its target.

    Members say who is connected (:meth:`graph`) and what cannot be; routes, channels and links follow from that.
    """

    @abstractmethod
    def graph(self, num_devices: int) -> Graph:
        """Who is connected to whom; always the same for the same fields and number of devices."""

    @abstractmethod
    def problems(self, num_devices: int) -> list[Problem]:
        """What is wrong with this topology for that many devices."""

    def check(self, counts: Mapping[str, int]) -> list[Problem]:
        """Too many devices, or what the member finds."""
        total = sum(counts.values())
        return self.problems(total) if total <= MOST_DEVICES else [too_many_devices(total)]

    def connect(self, counts: Mapping[str, int], table: LinkTable, seed: int) -> Network:
        """The network over the graph; the run's seed plays no part, so all runs of an experiment see one network.

        Raises:
            SpecError: the topology does not fit that many devices.
        """
        problems = self.check(counts)
        if problems:
            raise SpecError(problems)
        graph = self.graph(sum(counts.values()))
        group_of = np.repeat(np.arange(len(counts), dtype=np.int32), list(counts.values()))
        relays = Relays(Wires.of(graph, table, group_of), table.links)
        return relayed_network(relays, counts, table, graph.num_gateways)


def relayed_network(relays: Relays, counts: Mapping[str, int], table: LinkTable, num_gateways: int) -> Network:
    """The network over these ways."""
    return Network(
        table=table,
        counts=dict(counts),
        num_gateways=num_gateways,
        patterns=relays.patterns(),
        num_media=relays.num_media,
        router=relays.route,
        wiring=lambda _: relays.edges(),
        gateway_of=relays.gateway_of(),
        relays=relays,
    )


def too_many_devices(total: int) -> Problem:
    """More devices than may relay."""
    message = (
        f"where devices relay there can be at most {MOST_DEVICES:,} of them; allowed for more are the kinds star "
        f"and hierarchical; given: {total:,} devices"
    )
    return Problem("kind", "too_many_devices", message)


def too_many_gateways(gateways: int, num_devices: int) -> list[Problem]:
    """A problem if there are more gateways than devices."""
    if gateways <= num_devices:
        return []
    message = f"should be at most the number of devices, {num_devices}; given: {gateways}"
    return [Problem("gateways", "too_many_gateways", message)]
