"""The network as a user describes it: a topology, a link for each group, and a backhaul."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem, SpecError
from engine.network.choice import LinkChoice, link_of
from engine.network.drawn import MOST_IN_EXAMPLE
from engine.network.link import Link
from engine.network.network import Groups, LinkTable, Network
from engine.network.schedule import LinkSchedule, Schedules
from engine.network.topologies.star import Star
from engine.network.topology import OwnLinks, Topology, topologies

DEFAULT = "default"
"""The entry of ``links`` for groups without one of their own."""

DEFAULT_LINK = "wifi4_linux"
"""What connects a group for which the user named nothing."""


class NetworkSpec(Component):
    """How the devices reach the server."""

    topology: Annotated[Topology, topologies.field()] = Star()
    """How devices, gateways and server are connected."""

    links: dict[str, LinkChoice] = Field(default_factory=dict)
    """Link of each group by the group's name; the entry default serves the groups not named, else they get
    wifi4_linux."""

    backhaul: LinkChoice | None = "wan_fibre"
    """Link between hub or gateways and the server; null places the server at the hub, or the gateways at the server."""

    schedules: tuple[LinkSchedule, ...] = Field(default=(), max_length=50)
    """How links change over rounds or over simulated time; none leaves them as they are."""

    def check(self, fleet: Groups) -> list[Problem]:
        """What is wrong with this network for that fleet; paths are relative to the network."""
        counts = fleet.group_counts()
        problems = [_inside(problem) for problem in self.topology.check(counts)]
        for name in self.links:
            if name != DEFAULT and name not in counts:
                message = f"is no group of the fleet; allowed are {', '.join(counts)} and {DEFAULT}; given: {name!r}"
                problems.append(Problem(f"links.{name}", "unknown_group", message))
        known = list(self._chosen(counts))
        for place, schedule in enumerate(self.schedules):
            problems += schedule.problems(f"schedules.{place}", known)
        return list(dict.fromkeys(problems + self.flaws()))

    def _chosen(self, counts: Mapping[str, int]) -> dict[str, Link]:
        """All links that the network may use, groups' first, by what data call them."""
        chosen = [link_of(self.link_of(group)) for group in counts]
        chosen += [] if self.backhaul is None else [link_of(self.backhaul)]
        if isinstance(self.topology, OwnLinks):
            chosen += [link for _, link in self.topology.own_links()]
        return {link.key: link for link in chosen}

    def flaws(self) -> list[Problem]:
        """What is wrong with this network whatever the fleet; paths are relative to the network."""
        found = []
        if isinstance(self.topology, OwnLinks):
            found += self.topology.flaws()
            found += self.topology.without_backhaul() if self.backhaul is None else []
        return [_inside(problem) for problem in found] + self._name_clashes()

    def _name_clashes(self) -> list[Problem]:
        first: dict[str, Link] = {}
        problems = []
        places = [(f"links.{name}", link_of(choice)) for name, choice in self.links.items()]
        if self.backhaul is not None:
            places.append(("backhaul", link_of(self.backhaul)))
        if isinstance(self.topology, OwnLinks):
            places += [(f"topology.{path}", link) for path, link in self.topology.own_links()]
        for path, link in places:
            if first.setdefault(link.key, link) != link:
                message = f"should differ from the names of other links with other figures; given: {link.key!r} twice"
                problems.append(Problem(f"{path}.{'id' if link.id else 'name'}", "duplicate_link", message))
        return problems

    def link_of(self, group: str) -> str | Link:
        """The link of that group, as the user wrote it or by default."""
        return self.links.get(group, self.links.get(DEFAULT, DEFAULT_LINK))

    def with_figures(self) -> "NetworkSpec":
        """The same network with each catalogue id replaced by the link and its figures, so that it stands alone."""
        own = {name: link_of(link) for name, link in {DEFAULT: self.link_of(DEFAULT), **self.links}.items()}
        backhaul = None if self.backhaul is None else link_of(self.backhaul)
        topology = self.topology.with_figures() if isinstance(self.topology, OwnLinks) else self.topology
        return self.model_copy(update={"links": own, "backhaul": backhaul, "topology": topology})

    def example_counts(self) -> dict[str, int]:
        """Devices by group of a fleet that fits: of a drawing what its nodes need, else ten of each group named."""
        if isinstance(self.topology, OwnLinks) and (counts := self.topology.example_counts()):
            return counts
        return dict.fromkeys(sorted(set(self.links) - {DEFAULT}), MOST_IN_EXAMPLE)

    def resolve(self, fleet: Groups, seed: int = 0) -> Network:
        """The network of that fleet; random topologies draw from the stream of the seed.

        Raises:
            SpecError: the network does not fit the fleet.
        """
        counts: Mapping[str, int] = fleet.group_counts()
        problems = self.check(fleet)
        if problems:
            raise SpecError(problems)
        by_key = self._chosen(counts)
        names = list(by_key)
        table = LinkTable(
            names=tuple(names),
            links=tuple(by_key.values()),
            of_group=tuple(names.index(link_of(self.link_of(group)).key) for group in counts),
            backhaul=-1 if self.backhaul is None else names.index(link_of(self.backhaul).key),
        )
        network = self.topology.connect(counts, table, seed)
        if not self.schedules:
            return network
        return replace(network, schedules=Schedules(self.schedules, network.table.names, network.table.links))


def _inside(problem: Problem) -> Problem:
    """A problem of the topology, at its place in the network."""
    path = f"topology.{problem.path}" if problem.path else "topology"
    return Problem(path, problem.code, problem.message)
