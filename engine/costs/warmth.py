"""Connections that are kept from round to round: whose messages wait for each other, and which are still warm.

A federated round wakes radios and opens connections; requests of a stream come over connections that stay open. Their
messages go one after the other, as bytes of one connection arrive in order, and find the window that earlier ones have
opened, unless the connection was idle for longer than its timeout (see :func:`engine.costs.path.window_of`). How long
it was idle is read from a first schedule, in which all are warm, as if rounds like this one followed each other, or
began once in a period that is longer than a round.
"""

import numpy as np
from numpy.typing import NDArray

from engine.costs.charges import Messages
from engine.costs.trace import Trace
from engine.costs.transfers import LEG_COLUMNS, MOST_PAUSES, Kinds, transfer_table
from engine.network.network import Network
from engine.network.routes import Routes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def own_channels(network: Network, trace: Trace, items: Ints, routes: Routes) -> tuple[Ints, int]:
    """The channels for which messages wait, within a round.

    Args:
        network: with the channels that several share.
        trace: the messages.
        items: (M,) their item ids.
        routes: their routes.

    Returns:
        (M, S) channel of each segment, -1 for none, and a number greater than all. Where nobody shares the way,
        messages over a connection that is kept wait for those that go the same way from the same node.
    """
    channel: Ints = routes.media.astype(np.int64)
    kept = np.flatnonzero(trace["connects"][items] < 0)
    if not len(kept):
        return channel, network.num_media
    pairs, pair = np.unique(_ends(trace, items[kept]), return_inverse=True)
    num_segments = np.array([len(pattern) for pattern in network.patterns])[routes.pattern[kept]]
    leg = np.arange(channel.shape[1])
    own = network.num_media + pair[:, None] * len(leg) + leg
    mine = channel[kept]
    channel[kept] = np.where((mine < 0) & (leg < num_segments[:, None]), own, mine)
    return channel, network.num_media + len(pairs) * len(leg)


def _ends(trace: Trace, items: Ints) -> Ints:
    """(M,) a number for the ends of each message, the sending one first."""
    ends = np.stack([trace["source"][items], trace["target"][items]]).astype(np.int64)
    low = int(ends.min())
    found: Ints = (ends[0] - low) * (int(ends.max()) - low + 1) + ends[1] - low
    return found


def stalls_when_cold(network: Network, trace: Trace, messages: Messages) -> bool:
    """Whether some message over a kept connection would take longer after a silence."""
    kept = trace["connects"][messages.items] < 0
    if not kept.any():
        return False
    items = messages.items[kept]
    pattern = network.routes(trace["source"][items], trace["target"][items]).pattern
    columns = pattern, trace["size"][items], trace["connects"][items]
    warm, cold = (transfer_table(network, Kinds.of(*columns, pauses)[0]).legs for pauses in (0, MOST_PAUSES))
    return any(not np.array_equal(warm[name], cold[name]) for name in LEG_COLUMNS)


def halvings(trace: Trace, messages: Messages, start: Floats, end: Floats, period_s: float = 0.0) -> Ints:
    """(M,) for how many timeouts the connection of each message was idle before it.

    Args:
        trace: with messages over connections that are kept; 0 for all others.
        messages: with their prices.
        start: (I,) of each item, from the start of its round.
        end: (I,) of each item.
        period_s: from the begin of a round to that of the next, if that is longer than the round takes: of requests
            that come so many a second one over their rate. 0 where rounds follow each other at once.
    """
    round_s = np.zeros(trace.num_rounds)
    np.maximum.at(round_s, trace["round"], end)
    items = messages.items
    rounds = trace["round"][items].astype(np.int64)
    _, connection = np.unique(_ends(trace, items), return_inverse=True)
    group = rounds * (int(connection.max()) + 1) + connection
    order = np.lexsort((start[items], group))
    begun, ended, group = start[items][order], end[items][order], group[order]
    first = np.concatenate([[True], group[1:] != group[:-1]])
    starts = np.flatnonzero(first)
    last = np.append(starts[1:], len(group)) - 1
    before = np.roll(ended, 1)
    before[starts] = ended[last] - np.maximum(round_s, period_s)[rounds[order][starts]]
    idle = np.empty(len(order))
    idle[order] = begun - before
    timeout = messages.price("timeout_s", messages.kind)
    kept = trace["connects"][items] < 0
    return np.where(kept, np.clip(np.ceil(idle / timeout) - 1, 0, MOST_PAUSES), 0).astype(np.int64)
