"""How nodes are connected: the family of topologies."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.network.link import Link
from engine.network.network import LinkTable, Network


class Topology(Component, ABC):
    """Places server and gateways, connects the devices, and states which of its edges use which link."""

    kind: str

    @abstractmethod
    def check(self, counts: Mapping[str, int]) -> list[Problem]:
        """What is wrong with this topology for that many devices by group; paths are relative to the topology."""

    @abstractmethod
    def connect(self, counts: Mapping[str, int], table: LinkTable, seed: int) -> Network:
        """The network of these devices over these links."""


class OwnLinks(ABC):
    """What a topology adds whose parts name links themselves, beside those that the network has for its groups."""

    @abstractmethod
    def own_links(self) -> tuple[tuple[str, Link], ...]:
        """These links, each with the path below the topology at which it is named."""

    @abstractmethod
    def with_figures(self) -> Self:
        """The same topology with each catalogue id replaced by the link and its figures."""

    @abstractmethod
    def example_counts(self) -> dict[str, int]:
        """Devices by group of a fleet that fits; empty if any does."""

    @abstractmethod
    def flaws(self) -> list[Problem]:
        """What is wrong whatever the fleet; paths are relative to the topology."""

    @abstractmethod
    def without_backhaul(self) -> list[Problem]:
        """What cannot be where the network has no backhaul; paths are relative to the topology."""


topologies: Registry[Topology] = Registry("topologies", "engine.network.topologies", Topology, title="Topology")
"""All topologies."""
