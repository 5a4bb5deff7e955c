"""What a trace is made of, once it is known where: durations of computations, prices and routes of messages."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.charges import Messages
from engine.costs.clock import schedule
from engine.costs.compute import durations
from engine.costs.legs import Legs
from engine.costs.relaying import Relayed, relayed
from engine.costs.trace import SEND, Trace
from engine.costs.transfers import Kinds, transfer_table
from engine.costs.warmth import halvings, own_channels, stalls_when_cold
from engine.fleet.fleet import Fleet
from engine.network.network import Network
from engine.network.routes import Routes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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


def crossing_of(trace: Trace, fleet: Fleet, network: Network, *, period_s: float = 0.0) -> Crossing:
    """The trace on this fleet and network.

    Args:
        trace: what is computed and sent.
        fleet: by whom.
        network: over which links.
        period_s: from the begin of a round to that of the next, if that is longer than the round takes; connections
            that are kept are idle for the rest of it.

    Raises:
        EngineError: a device cannot do its work, or two nodes are not connected.
    """
    over = None if network.relays is None else relayed(trace, network.relays)
    whole = trace if over is None else over.trace
    duration, recalled_s = durations(whole, fleet)
    sent = _Sent.of(network, whole, None if over is None else over.passes)
    messages, legs = sent.priced()
    if stalls_when_cold(network, whole, messages):
        start, end = schedule(whole, duration, legs)
        messages, legs = sent.priced(halvings(whole, messages, start, end, period_s))
    return Crossing(whole, duration, recalled_s, messages, legs, network, over)


@dataclass(frozen=True)
class _Sent:
    """The messages of a trace, before they are priced.

    Attributes:
        network, trace: where they are sent, and by whom.
        items: (M,) their item ids.
        routes: of each.
        channel: (M, S) for which they wait, numbered below ``num_channels``.
        num_channels: greater than every channel.
        passes: see :class:`engine.costs.charges.Messages`.
    """

    network: Network
    trace: Trace
    items: Ints
    routes: Routes
    channel: Ints
    num_channels: int
    passes: Mapping[str, NDArray[np.bool_]] | None

    @classmethod
    def of(cls, network: Network, trace: Trace, passes: Mapping[str, NDArray[np.bool_]] | None) -> "_Sent":
        """The messages with their routes; ``passes`` is by item."""
        items = np.flatnonzero(trace["kind"] == SEND)
        routes = network.routes(trace["source"][items], trace["target"][items])
        channel, num_media = own_channels(network, trace, items, routes)
        if trace.num_rounds > 1:
            rounds = trace["round"][items].astype(np.int64)[:, None]
            channel = np.where(channel < 0, -1, channel + rounds * num_media)
        num_channels = trace.num_rounds * num_media
        if num_channels > MOST_CHANNELS:
            used, place = np.unique(channel, return_inverse=True)
            idle = int(used[0] == -1) if len(used) else 0
            channel, num_channels = place.reshape(channel.shape) - idle, len(used)
        mine = None if passes is None else {end: mask[items] for end, mask in passes.items()}
        return cls(network, trace, items, routes, channel, num_channels, mine)

    def priced(self, pauses: Ints | int = 0) -> tuple[Messages, Legs]:
        """The messages with their prices, and the segments that they cross.

        Args:
            pauses: (M,) or one number: timeouts for which kept connections were idle.
        """
        columns = self.trace["size"][self.items], self.trace["connects"][self.items]
        kinds, kind = Kinds.of(self.routes.pattern, *columns, pauses)
        table = transfer_table(self.network, kinds)
        legs = Legs(self.channel, self.num_channels, kind, table.legs)
        return Messages(self.items, kind, table, self.passes), legs
