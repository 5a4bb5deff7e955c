"""What if the links were slower or the devices faster: another fleet and network, by choice and by factors."""

from typing import Annotated, Any, TypeVar

from pydantic import Field

from engine.core.catalogue_file import Reference
from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.figure import Figure, Provenance
from engine.fleet.catalogue import devices
from engine.fleet.device import Device
from engine.fleet.group import FleetSpec, GroupSpec
from engine.network.choice import LinkChoice, link_of
from engine.network.link import Link
from engine.network.spec import DEFAULT, NetworkSpec
from engine.network.topologies.custom import Custom
from engine.network.topologies.hierarchical import Hierarchical
from engine.network.topology import Topology

C = TypeVar("C", bound=Component)

Factor = Annotated[float, Field(ge=0.001, le=1000)]

DeviceChoice = Annotated[str | Device, Reference("device", Device, devices)]
"""A device of the catalogue by its id, or one of your own."""

RATES = ("up_rate", "down_rate")

CHANGED = ", changed"
"""Stands behind the name of a changed link where another one of that name stays as it is."""


class WhatIf(Component):
    """Another fleet and network for a finished run, and changes of them. What is left out stays as it is."""

    fleet: dict[str, Any] | None = None
    """Another fleet: its block as it stands in a spec, ``{saved: id}`` on the platform, or a whole spec that has
    one. It must have as many devices as the run's."""

    network: dict[str, Any] | None = None
    """Another network, likewise."""

    bandwidth: Factor = 1.0
    """Factor on the rates of the devices' links, in both directions; 0.5 makes them half as fast."""

    latency: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Factor on the round-trip times of the devices' links; 0 takes all delay away."""

    loss: Annotated[float, Field(ge=0, le=0.25)] | None = None
    """Share of frames that the devices' links lose in each direction, in place of their own figures; between 0 and
    0.25."""

    backhaul: bool = False
    """Whether bandwidth, latency and loss hold for the link between gateways and server too."""

    links: dict[str, LinkChoice] = Field(default_factory=dict)
    """Another link for a group, by the group's name; the entry default serves all groups not named."""

    devices: dict[str, DeviceChoice] = Field(default_factory=dict)
    """Another device for a group, by the group's name."""

    speed: dict[str, Factor] = Field(default_factory=dict)
    """Factor on the speed at which a group's devices compute, by the group's name; their power stays the same."""

    def check(self, fleet: FleetSpec) -> list[Problem]:
        """A problem for each group that is named but not there."""
        allowed = list(fleet.group_counts())
        problems = []
        for field in ("links", "devices", "speed"):
            more = [DEFAULT] if field == "links" else []
            for name in getattr(self, field):
                if name not in [*allowed, *more]:
                    there = ", ".join([*allowed, *more])
                    message = f"is no group of the fleet; allowed are {there}; given: {name!r}"
                    problems.append(Problem(f"{field}.{name}", "unknown_group", message))
        return problems

    def fleet_of(self, fleet: FleetSpec) -> FleetSpec:
        """The fleet with other devices and speeds."""
        if not self.devices and not self.speed:
            return fleet
        return fleet.model_copy(update={"groups": tuple(map(self._group, fleet.groups))})

    def _group(self, group: GroupSpec) -> GroupSpec:
        device = self.devices.get(group.name, group.device)
        factor = self.speed.get(group.name, 1.0)
        if factor != 1:
            kind = devices()[device] if isinstance(device, str) else device
            device = kind.model_copy(
                update={
                    name: scaled(getattr(kind, name), factor)
                    for name in Device.model_fields
                    if name.endswith("_rate") and getattr(kind, name) is not None
                }
            )
        return group.model_copy(update={"device": device})

    def network_of(self, network: NetworkSpec, fleet: FleetSpec) -> NetworkSpec:
        """The network with other links, for the groups of that fleet."""
        if not self.links and (self.bandwidth, self.latency, self.loss) == (1, 1, None):
            return network
        other = self.links.get(DEFAULT)
        chosen = {group: self.links.get(group, other) or network.link_of(group) for group in fleet.group_counts()}
        after = {group: self._scaled(link_of(choice)) for group, choice in chosen.items()}
        backhaul = None if network.backhaul is None else link_of(network.backhaul)
        if backhaul is not None and self.backhaul:
            backhaul = self._scaled(backhaul)
        if backhaul is not None:
            after = {group: _apart(link, backhaul) for group, link in after.items()}
        update = {"links": after, "backhaul": backhaul, "topology": self._topology_of(network.topology)}
        return network.model_copy(update=update)

    def _topology_of(self, topology: Topology) -> Topology:
        """The topology; connections that name links of their own have them changed too, those of hubs as a backhaul."""
        match topology:
            case Custom():
                edges = [self._with_links(edge, ("link", "down_link")) for edge in topology.edges]
                return topology.model_copy(update={"edges": tuple(edges)})
            case Hierarchical() if self.backhaul:
                levels = [self._with_links(level, ("link",)) for level in topology.levels]
                return topology.model_copy(update={"levels": tuple(levels)})
        return topology

    def _with_links(self, part: C, names: tuple[str, ...]) -> C:
        """A part of a topology with the links in these fields changed."""
        chosen = {name: getattr(part, name) for name in names}
        update = {name: self._scaled(link_of(choice)) for name, choice in chosen.items() if choice is not None}
        return part.model_copy(update=update)

    def _scaled(self, link: Link) -> Link:
        """The link with this bandwidth, latency and loss."""
        update: dict[str, Any] = {}
        if self.bandwidth != 1:
            update |= {name: scaled(getattr(link, name), self.bandwidth) for name in RATES}
        if self.latency != 1:
            update["rtt"] = scaled(link.rtt, self.latency)
        if self.loss is not None:
            update["loss"] = Figure(value=self.loss, unit="", provenance="user", source="what if")
        # It is no link of the catalogue any more, so that it may stand beside the one that it was.
        return link.model_copy(update={**update, "id": None}) if update else link


def scaled(figure: Figure, factor: float) -> Figure:
    """The figure times a factor. What rests on memory still does; what was read or derived is now the user's."""
    provenance: Provenance = "recalled" if figure.provenance == "recalled" else "user"
    source = f"{factor:g} times what was {figure.provenance}: {figure.source}"
    return Figure(value=figure.value * factor, unit=figure.unit, provenance=provenance, source=source)


def _apart(link: Link, other: Link) -> Link:
    """The link under a name that is not that of a different one."""
    if link.key != other.key or link == other:
        return link
    # A name has 100 characters at most.
    return link.model_copy(update={"name": link.name[:90] + CHANGED})
