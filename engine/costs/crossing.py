"""What a trace is made of, once it is known where: durations of computations, prices and routes of messages."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.charges import Messages
from engine.costs.compute import durations
from engine.costs.legs import Legs
from engine.costs.relaying import Relayed, relayed
from engine.costs.trace import SEND, Trace
from engine.costs.transfers import Kinds, transfer_table
from engine.fleet.fleet import Fleet
from engine.network.network import Network

Floats = NDArray[np.float64]

MOST_CHANNELS = 10_000_000
"""Beyond so many channels of all rounds, those in use are numbered anew: columns over channels must fit into memory."""


@dataclass(frozen=True)
class Crossing:
    """A trace on a fleet and a network, before it is known when.

    Attributes:
        trace: every message crosses one route; where devices relay, each hop is an item of its own.
        duration: (I,) seconds of each computation.
        recalled_s: (C,) the part of each computation's time that rests on recalled rates.
        messages: the messages with their prices.
        legs: the segments of the messages, with their expected times.
        network: links and patterns.
        over: how items of the trace came from those of the original one; None where they are the same.
    """

    trace: Trace
    duration: Floats
    recalled_s: Floats
    messages: Messages
    legs: Legs
    network: Network
    over: Relayed | None


def crossing_of(trace: Trace, fleet: Fleet, network: Network) -> Crossing:
    """The trace on this fleet and network.

    Raises:
        EngineError: a device cannot do its work, or two nodes are not connected.
    """
    over = None if network.relays is None else relayed(trace, network.relays)
    whole = trace if over is None else over.trace
    duration, recalled_s = durations(whole, fleet)
    messages, legs = _messages(network, whole, None if over is None else over.passes)
    return Crossing(whole, duration, recalled_s, messages, legs, network, over)


def _messages(network: Network, trace: Trace, passes: Mapping[str, NDArray[np.bool_]] | None) -> tuple[Messages, Legs]:
    """The messages with their prices, and the segments that they cross; ``passes`` is by item."""
    items = np.flatnonzero(trace["kind"] == SEND)
    routes = network.routes(trace["source"][items], trace["target"][items])
    kinds, kind = Kinds.of(routes.pattern, trace["size"][items], trace["connects"][items])
    table = transfer_table(network, kinds)
    channel: NDArray[np.int64] = routes.media.astype(np.int64)
    if trace.num_rounds > 1:
        rounds = trace["round"][items].astype(np.int64)[:, None]
        channel = np.where(channel < 0, -1, channel + rounds * network.num_media)
    num_channels = trace.num_rounds * network.num_media
    if num_channels > MOST_CHANNELS:
        used, place = np.unique(channel, return_inverse=True)
        idle = int(used[0] == -1) if len(used) else 0
        channel, num_channels = place.reshape(channel.shape) - idle, len(used)
    mine = None if passes is None else {end: mask[items] for end, mask in passes.items()}
    return Messages(items, kind, table, mine), Legs(channel, num_channels, kind, table.legs)
