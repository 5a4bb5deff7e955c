"""Waiting in line: first come first served at many channels at once, as one vectorized scan."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.sharing import shared

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def fifo_finish(channel: Ints, arrival_s: Floats, service_s: Floats) -> Floats:
    """When each message leaves its channel.

    The k-th message of a channel, in order of arrival, finishes at ``cs_k + max_{j <= k} (a_j - cs_{j-1})`` with
    ``cs`` the running sum of service times (Lindley's recursion, solved). Equal arrivals are served in the order given.

    Args:
        channel: (M,) which channel each message uses.
        arrival_s: (M,) when it gets there; infinite if not known yet, which puts it last.
        service_s: (M,) how long it occupies the channel.

    Returns:
        (M,) finish times.
    """
    return scan(lines_of(channel), arrival_s, service_s)


def scan(lines: "list[Lines]", arrival_s: Floats, service_s: Floats) -> Floats:
    """The same for messages that stand in line already, or that share their channel fairly."""
    result = np.empty(len(arrival_s))
    for some in lines:
        if some.is_fair:
            finish = shared(some.take(arrival_s, np.inf), some.take(service_s, 0.0))
        else:
            finish = _scanned(some, arrival_s, service_s)
        some.give(finish, result)
    return result


@dataclass(frozen=True)
class Lines:
    """Channels with similar numbers of messages, one row each, padded to the longest.

    Attributes:
        place: (R, W) places of the messages, in the order given; of padding, any.
        inside: (R, W) what is no padding; None where there is none.
        is_fair: whether the messages of a channel share it, in place of waiting for each other.
    """

    place: Ints
    inside: NDArray[np.bool_] | None
    is_fair: bool = False

    def take(self, values: Floats, padding: float) -> Floats:
        """(R, W) the values of the messages."""
        taken = values.take(self.place)
        if self.inside is not None:
            taken[~self.inside] = padding
        return taken

    def give(self, values: Floats, to: Floats) -> None:
        """Put (R, W) values back to their messages."""
        if self.inside is None:
            to[self.place] = values
        else:
            to[self.place[self.inside]] = values[self.inside]


def lines_of(channel: Ints, fair: NDArray[np.bool_] | None = None) -> list[Lines]:
    """The messages by channel; rounding lengths up to a power of two bounds the padding to half.

    Args:
        channel: (M,) which channel each message uses.
        fair: (M,) whether it is shared fairly; None if none is.
    """
    if fair is None or not fair.any():
        return _lines_of(channel)
    found = []
    for is_fair in (False, True):
        mine = np.flatnonzero(fair == is_fair)
        found += [Lines(mine[some.place], some.inside, is_fair) for some in _lines_of(channel[mine])]
    return found


def _lines_of(channel: Ints) -> list[Lines]:
    count = len(channel)
    if count == 0:
        return []
    order = _by_channel(channel)
    sorted_channel = channel[order]
    first = np.concatenate([[0], np.flatnonzero(sorted_channel[1:] != sorted_channel[:-1]) + 1])
    length = np.diff(np.append(first, count))
    if length.min() == length.max():
        return [Lines(order.reshape(len(first), int(length[0])), None)]
    size = np.where(length > 1, 2 ** np.ceil(np.log2(np.maximum(length, 1))).astype(np.int64), 1)
    found = []
    for width in np.unique(size):
        mine = size == width
        place = np.minimum(first[mine][:, None] + np.arange(width), count - 1)
        found.append(Lines(order[place], np.arange(width) < length[mine][:, None]))
    return found


def _by_channel(channel: Ints) -> Ints:
    """Places by channel, then by place; stable sorts of 16-bit numbers are by radix and cost next to nothing."""
    order = np.argsort((channel & 0xFFFF).astype(np.uint16), kind="stable")
    high = channel >> 16
    if high.any():
        order = order[np.argsort(high[order].astype(np.uint16 if high.max() < 2**16 else np.int64), kind="stable")]
    return order


def _scanned(lines: Lines, arrival_s: Floats, service_s: Floats) -> Floats:
    """(R, W) finish times."""
    arrival = lines.take(arrival_s, np.inf)
    served = lines.take(service_s, 0.0)
    order = _by_arrival(arrival)
    if order is not None:
        arrival, served = np.take_along_axis(arrival, order, axis=1), np.take_along_axis(served, order, axis=1)
    total = np.cumsum(served, axis=1)
    arrival -= total
    arrival += served
    np.maximum.accumulate(arrival, axis=1, out=arrival)
    total += arrival
    if order is None:
        return total
    finish = np.empty_like(total)
    np.put_along_axis(finish, order, total, axis=1)
    return finish


def _by_arrival(arrival: Floats) -> Ints | None:
    """(R, W) the order of each row, first come first; None where all rows are in order."""
    if np.all(arrival[:, 1:] >= arrival[:, :-1]):
        return None
    order = np.argsort(arrival, axis=1)
    ordered = np.take_along_axis(arrival, order, axis=1)
    if np.any((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] < np.inf)):
        # the fast sort does not keep the order of those that come at the same time
        return np.argsort(arrival, axis=1, kind="stable")
    return order
