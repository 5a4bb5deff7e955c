"""Devices reach gateways, gateways reach the server, perhaps over further levels in between."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.nodes import SERVER, gateway_node
from engine.network.choice import LinkChoice, link_of
from engine.network.levels import LevelRouter, Levels
from engine.network.link import Link
from engine.network.network import Edge, LinkTable, Network
from engine.network.topology import OwnLinks, Topology, topologies


class Level(Component):
    """Hubs between gateways and server, such as edge nodes."""

    count: int = Field(default=1, ge=1, le=1_000_000)
    """How many hubs the level has; no more than the level below."""

    link: LinkChoice = "wan_fibre"
    """Link by which the level below reaches this one."""


@topologies.register
class Hierarchical(OwnLinks, Topology):
    """Devices around gateways, gateways around the server or around further levels of hubs, which reach it.

    Device i belongs to gateway i modulo the number of gateways, over its group's link; hub j of a level to hub j modulo
    the number of the next one: sensor, gateway, edge, cloud. Devices whose link has a shared medium take turns on their
    gateway's channel, in both directions, and so do hubs at the hub above. A hub stores each message whole and passes
    it on, first come first served, each direction for itself. The backhaul joins the highest level and the server;
    without one that level stands at the server and passing on costs nothing there.
    """

    source: ClassVar[str] = "Liu et al., Client-Edge-Cloud Hierarchical Federated Learning, ICC 2020, section II"
    kind: Literal["hierarchical"] = "hierarchical"

    gateways: int = Field(default=4, ge=1, le=1_000_000)
    """How many gateways there are; no more than devices."""

    levels: tuple[Level, ...] = Field(default=(), max_length=8)
    """Levels between gateways and server, from the gateways upwards, up to 8; none joins gateways and server."""

    def check(self, counts: Mapping[str, int]) -> list[Problem]:
        """There must be no more gateways than devices, and no more hubs than in the level below."""
        total = sum(counts.values())
        problems = self.flaws()
        if self.gateways > total:
            message = f"should be at most the number of devices, {total}; given: {self.gateways}"
            problems.append(Problem("gateways", "too_many_gateways", message))
        return problems

    def flaws(self) -> list[Problem]:
        """Levels must not grow towards the server."""
        below = (self.gateways, *(level.count for level in self.levels))
        return [
            Problem(
                f"levels.{place}.count",
                "too_many_hubs",
                f"should be at most the number of hubs in the level below, {below[place]}; given: {level.count}",
            )
            for place, level in enumerate(self.levels)
            if level.count > below[place]
        ]

    def own_links(self) -> tuple[tuple[str, Link], ...]:
        """The links of the levels."""
        return tuple((f"levels.{place}.link", link_of(level.link)) for place, level in enumerate(self.levels))

    def with_figures(self) -> Self:
        """The same with each catalogue id replaced by its link."""
        levels = tuple(level.model_copy(update={"link": link_of(level.link)}) for level in self.levels)
        return self.model_copy(update={"levels": levels})

    def without_backhaul(self) -> list[Problem]:
        """Nothing: the highest level then stands at the server."""
        return []

    def example_counts(self) -> dict[str, int]:
        """Any fleet fits that has enough devices."""
        return {}

    def connect(self, counts: Mapping[str, int], table: LinkTable, seed: int) -> Network:
        """Patterns of a climb from each group and level to every layer above it, up and down."""
        hubs = (self.gateways, *(level.count for level in self.levels))
        uplinks = tuple(table.names.index(link_of(level.link).key) for level in self.levels)
        if table.backhaul >= 0:
            uplinks += (table.backhaul,)
        elif self.levels:
            hubs = hubs[:-1]  # the highest level is the server
        levels = Levels(table, hubs, uplinks)
        total = sum(counts.values())
        group_of = np.repeat(np.arange(len(counts), dtype=np.int32), list(counts.values()))
        router = LevelRouter(levels, group_of)
        return Network(
            table=table,
            counts=dict(counts),
            num_gateways=sum(hubs),
            patterns=levels.patterns(),
            num_media=router.num_media,
            router=router,
            wiring=_edges,
            gateway_of=(np.arange(total) % self.gateways).astype(np.int32),
            trunk=levels.trunk,
        )


def _edges(network: Network) -> list[Edge]:
    """Each device to its gateway, or to the server where gateways stand there; then hubs and server."""
    trunk = network.trunk()
    uppers = gateway_node(0) - network.gateway_of if trunk else np.full(network.num_devices, SERVER)
    links = network.radio_of.tolist()
    return [
        Edge(i, upper, link, link) for i, (upper, link) in enumerate(zip(uppers.tolist(), links, strict=True))
    ] + trunk
