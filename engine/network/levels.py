"""Hubs over hubs: gateways, edge nodes and the like between devices and server, and the routes through them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.core.nodes import SERVER, gateway_node
from engine.network.network import Edge, LinkTable, Nodes
from engine.network.routes import NO_MEDIUM, Hop, Pattern, Routes, Segment

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Levels:
    """Levels of hubs, numbered on from the gateways upwards; hub j hangs below hub j modulo the next level's count.

    Attributes:
        table: the links.
        counts: (K,) hubs of each level, gateways first.
        uplinks: (K,) link from each level to what is above it, the last one to the server; one less than levels if the
            top level stands at the server.
    """

    table: LinkTable
    counts: tuple[int, ...]
    uplinks: tuple[int, ...]

    @property
    def starts(self) -> tuple[int, ...]:
        """Number of the first hub of each level."""
        return tuple(np.cumsum((0, *self.counts))[:-1].tolist())

    @property
    def server(self) -> int:
        """The layer of the server: devices are layer 0, gateways 1."""
        return len(self.counts) + 1

    @property
    def at_server(self) -> bool:
        """Whether the top level stands at the server, so that passing on costs nothing there."""
        return len(self.uplinks) < len(self.counts)

    def trunk(self) -> list[Edge]:
        """The connections of hubs with each other and the server."""
        edges = []
        for level, link in enumerate(self.uplinks):
            start = self.starts[level]
            for number in range(self.counts[level]):
                above = SERVER
                if level + 1 < len(self.counts):
                    above = gateway_node(self.starts[level + 1] + number % self.counts[level + 1])
                edges.append(Edge(gateway_node(start + number), above, link, link))
        return edges

    def patterns(self) -> tuple[Pattern, ...]:
        """Routes by their lower end (groups, then levels), the layer of their upper end, and direction (up, down)."""
        found: list[Pattern] = []
        for link in self.table.of_group:
            queued = 0 if self.table.links[link].shared_medium else -1
            up = Segment((Hop(link, up=True, device_sends=True),), queued)
            down = Segment((Hop(link, up=False, device_receives=True),), queued)
            found += self._climbs(0, up, down)
        for layer in range(1, self.server):
            found += self._climbs(layer)
        return tuple(found)

    def _climbs(self, layer: int, *first: Segment) -> list[Pattern]:
        found: list[Pattern] = []
        for top in range(self.server + 1):
            links = self.uplinks[max(0, layer - 1) : top - 1] if top > layer else ()
            for place, up in enumerate((True, False)):
                way = [*first[place : place + 1], *(Segment((Hop(link, up),), queued=0) for link in links)]
                found.append(tuple(way if up else way[::-1]) if top > layer else ())
        return found


class LevelRouter:
    """Routes through levels of hubs. Media of a hub: its uplink up and down, then one channel for each link."""

    def __init__(self, levels: Levels, group_of: Nodes) -> None:
        self.levels, self.group_of = levels, group_of
        self.per_hub = 2 + len(levels.table.links)
        links = levels.table.links
        self.channel_of_group = np.array(
            [2 + link if links[link].shared_medium else NO_MEDIUM for link in levels.table.of_group], dtype=np.int64
        )

    @property
    def num_media(self) -> int:
        """Channels of all hubs."""
        return sum(self.levels.counts) * self.per_hub

    def __call__(self, sources: Nodes, targets: Nodes) -> Routes:
        """The routes of messages between a node and one above or below it.

        Raises:
            EngineError: there is no such node, or neither is above the other.
        """
        layers, others = self._layers(sources), self._layers(targets)
        up = np.asarray(layers < others)
        low, high = np.minimum(layers, others), np.maximum(layers, others)
        lower, upper = np.where(up, sources, targets), np.where(up, targets, sources)
        places = self._places(lower, low)
        self._check(upper, (low, high), places)
        group = self.group_of[np.maximum(lower, 0)]
        key = np.where(low == 0, group, len(self.channel_of_group) + low - 1)
        pattern = (key * (self.levels.server + 1) + high) * 2 + ~up
        media = self._media((low, high), up, places, group)
        return Routes(pattern=pattern.astype(np.int32), media=media)

    def _layers(self, nodes: Nodes) -> Nodes:
        """(M,) the layer of each node."""
        if len(nodes) and (nodes.max() >= len(self.group_of) or -2 - nodes.min() >= sum(self.levels.counts)):
            raise EngineError("in a hierarchy messages go between nodes that are there; given: another one")
        layers = np.zeros(len(nodes), dtype=np.int32)
        layers[nodes == SERVER] = self.levels.server
        hubs = np.flatnonzero(nodes < SERVER)
        layers[hubs] = np.searchsorted(self.levels.starts, -2 - nodes[hubs], side="right")
        return layers

    def _places(self, lower: Nodes, low: Nodes) -> list[Nodes]:
        """By level, (M,) the number of the hub above each lower end, or of itself; counted over all levels."""
        places: list[Nodes] = []
        number = lower.astype(np.int32)
        for level, (start, count) in enumerate(zip(self.levels.starts, self.levels.counts, strict=True)):
            number = number % np.int32(count)
            here = low == level + 1
            if here.any():
                number = np.where(here, -2 - lower - start, number).astype(np.int32)
            places.append(number + np.int32(start))
        return places

    def _check(self, upper: Nodes, ends: tuple[Nodes, Nodes], places: list[Nodes]) -> None:
        """Whether each upper end is above its lower end."""
        low, high = ends
        above = high == self.levels.server
        for level, place in enumerate(places):
            above |= (high == level + 1) & (-2 - upper == place)
        if not np.all(above & (low < high)):
            raise EngineError("in a hierarchy messages go between a node and one of those above it only")

    def _media(
        self, ends: tuple[Nodes, Nodes], up: NDArray[np.bool_], places: list[Nodes], group: Nodes
    ) -> NDArray[np.int32]:
        low, high = ends
        highest = self.levels.server - self.levels.at_server
        top = np.minimum(high, highest)
        is_alike = all(len(part) > 0 and part.min() == part.max() for part in (low, high, up))
        media = np.full((len(low), highest), NO_MEDIUM, dtype=np.int32)
        for layer in range(highest):
            mask = (low <= layer) & (layer < top)
            # Mostly all messages go the same way; then slices spare the copies.
            crossed: slice | Ints = slice(None) if is_alike and mask.all() else np.flatnonzero(mask)
            rises = up[crossed]
            if not len(rises):
                continue
            columns = np.where(rises, layer - low[crossed], top[crossed] - 1 - layer)
            column = int(columns[0]) if is_alike else columns
            if layer == 0:
                channel = self.channel_of_group[group[crossed]]
                medium = np.where(channel < 0, NO_MEDIUM, places[0][crossed] * self.per_hub + channel)
            else:
                link = self.levels.uplinks[layer - 1]
                if layer < len(places) and self.levels.table.links[link].shared_medium:
                    medium = places[layer][crossed] * self.per_hub + 2 + link
                else:
                    medium = places[layer - 1][crossed] * self.per_hub + np.where(rises, 0, 1)
            media[crossed, column] = medium
        return media
