"""How nodes are connected: the family of topologies."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.network.network import Edge, LinkTable, Network


class Topology(Component, ABC):
    """Places server and gateways, connects the devices, and states which of its edges use which link."""

    kind: str

    @abstractmethod
    def check(self, counts: Mapping[str, int]) -> list[Problem]:
        """What is wrong with this topology for that many devices by group; paths are relative to the topology."""

    @abstractmethod
    def connect(self, counts: Mapping[str, int], table: LinkTable, seed: int) -> Network:
        """The network of these devices over these links."""

    @abstractmethod
    def edges(self, network: Network) -> list[Edge]:
        """All connections, for drawing and for measures; only asked for where the network is small enough to draw."""


topologies: Registry[Topology] = Registry("topologies", "engine.network.topologies", Topology, title="Topology")
"""All topologies."""
