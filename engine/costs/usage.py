"""What crossed each connection of a network, round by round: bytes, seconds on air, and how busy the busiest was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER, gateway_node
from engine.costs.relaying import relayed
from engine.costs.trace import SEND, Trace
from engine.costs.transfers import Kinds, TransferTable, transfer_table
from engine.network.network import Network
from engine.network.routes import NO_MEDIUM, Pattern

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UP, DOWN = 0, 1

COLUMNS: Mapping[str, type[np.generic]] = {
    "rounds": np.int64, "lower": np.int64, "upper": np.int64, "link": np.int64, "way": np.int64,
    "payload_bytes": np.float64, "wire_bytes": np.float64, "air_s": np.float64, "lane": np.int64,
}  # fmt: skip

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Usage:
    """Every crossing of a connection by a message.

    Attributes:
        rounds: (C,) number of the round, from 0.
        lower: (C,) node id of the end of the connection farther from the server.
        upper: (C,) node id of the other end.
        link: (C,) place of the link in the network's table.
        way: (C,) 0 towards the server, 1 away from it.
        payload_bytes: (C,) bytes of the message.
        wire_bytes: (C,) bytes with headers and repetitions.
        air_s: (C,) seconds on air.
        lane: (C,) who shares time: the channel that is waited for, else the connection, in one direction if both
            can be used at once.
        num_rounds: rounds of the trace.
    """

    rounds: Ints
    lower: Ints
    upper: Ints
    link: Ints
    way: Ints
    payload_bytes: Floats
    wire_bytes: Floats
    air_s: Floats
    lane: Ints
    num_rounds: int

    def part(self, mask: NDArray[np.bool_]) -> "Usage":
        """Some of the crossings."""
        return Usage(**{name: getattr(self, name)[mask] for name in COLUMNS}, num_rounds=self.num_rounds)


@dataclass(frozen=True)
class LinkUse:
    """How one link of the table was used, round by round.

    Attributes:
        payload_bytes: (R, 2) bytes of messages by direction.
        wire_bytes: (R, 2) bytes with headers and repetitions by direction.
        air_s: (R, 2) seconds on air by direction, summed over all connections.
        busiest: (R,) share of the round during which its busiest channel or connection was on air; more than 1 where
            it carries several messages at once.
        num_connections: connections that carried anything.
    """

    payload_bytes: Floats
    wire_bytes: Floats
    air_s: Floats
    busiest: Floats
    num_connections: int


def usage_of(trace: Trace, network: Network) -> Usage:
    """The crossings of all messages of a trace.

    Args:
        trace: the messages.
        network: which they cross.

    Raises:
        EngineError: two nodes are not connected.
    """
    whole = trace if network.relays is None else relayed(trace, network.relays).trace
    items = np.flatnonzero(whole["kind"] == SEND)
    ends = whole["source"][items].astype(np.int64), whole["target"][items].astype(np.int64)
    routes = network.routes(whole["source"][items], whole["target"][items])
    kinds, kind = Kinds.of(routes.pattern, whole["size"][items], whole["connects"][items])
    table = transfer_table(network, kinds)
    parts: list[Columns] = []
    for number, pattern in enumerate(network.patterns):
        mine = np.flatnonzero(routes.pattern == number)
        if len(mine):
            chosen = ends[0][mine], ends[1][mine]
            parts += _crossings(network, pattern, chosen, (table, kind[mine], routes.media[mine]))
            for part in parts[-_num_hops(pattern) :]:
                part["rounds"], part["payload_bytes"] = whole["round"][items[mine]], whole["size"][items[mine]]
    columns = {
        name: np.concatenate([np.zeros(0, kind), *(part[name] for part in parts)]).astype(kind, copy=False)
        for name, kind in COLUMNS.items()
    }
    return Usage(**columns, num_rounds=trace.num_rounds)


def by_link(usage: Usage, round_s: Floats, num_links: int) -> list[LinkUse]:
    """How each link of the table was used.

    Args:
        usage: the crossings.
        round_s: (R,) how long each round took.
        num_links: links of the table.
    """
    return [_link_use(usage.part(usage.link == place), round_s) for place in range(num_links)]


def _link_use(mine: Usage, round_s: Floats) -> LinkUse:
    size = mine.num_rounds * 2
    cell = mine.rounds * 2 + mine.way
    busiest = np.zeros(mine.num_rounds)
    if len(cell):
        lanes, lane = np.unique(mine.lane, return_inverse=True)
        keys, place = np.unique(mine.rounds * len(lanes) + lane, return_inverse=True)
        np.maximum.at(busiest, keys // len(lanes), np.bincount(place, weights=mine.air_s))

    def by_way(amounts: Floats) -> Floats:
        return np.bincount(cell, weights=amounts, minlength=size).astype(np.float64).reshape(-1, 2)

    return LinkUse(
        payload_bytes=by_way(mine.payload_bytes),
        wire_bytes=by_way(mine.wire_bytes),
        air_s=by_way(mine.air_s),
        busiest=np.divide(busiest, round_s, out=np.zeros_like(busiest), where=round_s > 0),
        num_connections=len(np.unique(mine.lower * 2**32 + mine.upper)),
    )


def _num_hops(pattern: Pattern) -> int:
    return sum(len(segment.hops) for segment in pattern)


def _crossings(
    network: Network,
    pattern: Pattern,
    ends: tuple[Ints, Ints],
    priced: tuple[TransferTable, NDArray[np.int32], NDArray[np.int32]],
) -> Iterator[Columns]:
    """The hops of messages along one pattern, each a set of columns."""
    table, kind, media = priced
    hops = [(place, hop) for place, segment in enumerate(pattern) for hop in segment.hops]
    # Messages climb or descend, so the first connection that is crossed is the lowest one or the highest.
    climbs = _climbs(network, ends, len(hops))
    for number, (place, hop) in enumerate(hops):
        segment = pattern[place]
        way = UP if hop.up else DOWN
        lower, upper = climbs[number if hop.up else len(hops) - 1 - number]
        same = sum(other.link == hop.link and other.up == hop.up for _, other in hops)
        medium = media[:, place].astype(np.int64)
        waits = segment.queued >= 0 and segment.hops[segment.queued] is hop
        apart = 0 if network.links[hop.link].shared_medium else way
        # Channels count from 0 up; connections that nobody waits for from -1 down.
        alone = -1 - 2 * ((lower + network.num_gateways + 2) * (len(network.links) + 1) + hop.link) - apart
        yield {
            "lower": lower,
            "upper": upper,
            "link": np.full(len(kind), hop.link),
            "way": np.full(len(kind), way),
            "wire_bytes": table.links["wire_bytes"][kind, hop.link, way] / same,
            "air_s": table.links["time_s"][kind, hop.link, way] / same,
            "lane": np.where((medium != NO_MEDIUM) & waits, medium, alone),
        }


def _climbs(network: Network, ends: tuple[Ints, Ints], num_hops: int) -> list[tuple[Ints, Ints]]:
    """Both ends of each connection on the way of messages, from the lowest to the highest."""
    source, target = ends
    if network.relays is not None:
        one, other = network.relays.places(source.astype(np.int32)), network.relays.places(target.astype(np.int32))
        up = network.relays.lower[network.relays.find(one, other)] == one
        return [(np.where(up, source, target), np.where(up, target, source))]
    trunk = network.trunk()
    above = np.full(network.num_gateways, SERVER, dtype=np.int64)
    for edge in trunk:
        above[gateway_node(0) - edge.lower] = edge.upper
    # Devices count from 0 up and hubs from -2 down, the higher the lower; only the server lies between them.
    lower = np.where(source == SERVER, target, np.where(target == SERVER, source, np.maximum(source, target)))
    climbs = []
    for _ in range(num_hops):
        hub = np.clip(gateway_node(0) - lower, 0, max(0, network.num_gateways - 1))
        upper = above[hub] if len(above) else np.full(len(lower), SERVER, dtype=np.int64)
        if trunk:
            first = gateway_node(0) - network.gateway_of[np.maximum(lower, 0)].astype(np.int64)
            upper = np.where(lower >= 0, first, upper)
        else:
            upper = np.full(len(lower), SERVER, dtype=np.int64)
        climbs.append((lower, upper))
        lower = upper
    return climbs
