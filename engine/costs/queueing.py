"""Waiting in line: first come first served at many channels at once, as one vectorized scan."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def fifo_finish(channel: NDArray[np.int64], arrival_s: Floats, service_s: Floats) -> Floats:
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
    count = len(channel)
    if count == 0:
        return np.zeros(0)
    order = _order(channel, arrival_s)
    sorted_channel = channel[order]
    first = np.concatenate([[0], np.flatnonzero(np.diff(sorted_channel)) + 1])
    length = np.diff(np.concatenate([first, [count]]))
    arrival, service = arrival_s[order], service_s[order]
    finish = np.empty(count)
    # Lines of similar length are padded into one matrix, so that a scan along rows serves all of them; rounding the
    # length up to a power of two bounds the padding to half.
    size = np.where(length > 1, 2 ** np.ceil(np.log2(np.maximum(length, 1))).astype(np.int64), 1)
    for width in np.unique(size):
        rows = first[size == width]
        place = rows[:, None] + np.arange(width)
        inside = np.arange(width) < length[size == width][:, None]
        place = np.minimum(place, count - 1)
        served = np.where(inside, service[place], 0.0)
        total = np.cumsum(served, axis=1)
        slack = np.where(inside, arrival[place] - (total - served), -np.inf)
        finish[place[inside]] = (total + np.maximum.accumulate(slack, axis=1))[inside]
    result = np.empty(count)
    result[order] = finish
    return result


def _order(channel: NDArray[np.int64], arrival_s: Floats) -> NDArray[np.int64]:
    """By channel, then arrival, then place; stable sorts of 16-bit numbers are by radix and cost next to nothing."""
    if int(channel.max()) < 2**16:
        order = np.argsort(arrival_s, kind="stable")
        return order[np.argsort(channel[order].astype(np.uint16), kind="stable")]
    return np.lexsort((arrival_s, channel))
