"""Over which connections messages between devices travel."""

from collections.abc import Iterable, Mapping, Sequence

from engine.costs.trace import TraceBuilder
from engine.costs.usage import usage_of
from engine.inference.plans.prices import send
from engine.network.network import Network

Way = list[tuple[int, int]]
"""Connections that a message crosses, each by its ends, the one farther from the server first."""


def ways_of(network: Network, pairs: Iterable[tuple[int, int]]) -> Mapping[tuple[int, int], Way]:
    """The way of a message between each pair of devices, as the cost model sends it.

    Args:
        network: which they cross.
        pairs: numbers of sender and receiver, different ones.
    """
    listed = list(dict.fromkeys(pairs))
    if not listed:
        return {}
    builder = TraceBuilder()
    for place, pair in enumerate(listed):
        if place:
            builder.next_round()
        send(builder, network, pair, 1)
    usage = usage_of(builder.build(), network)
    found: dict[tuple[int, int], Way] = {pair: [] for pair in listed}
    for number, lower, upper in zip(usage.rounds.tolist(), usage.lower.tolist(), usage.upper.tolist(), strict=True):
        edge = (lower, upper)
        if edge not in found[listed[number]]:
            found[listed[number]].append(edge)
    return found


def pairs_of(devices: Sequence[int]) -> list[tuple[int, int]]:
    """Every pair of devices in both directions: mesh routes need not be the same both ways."""
    return [(one, other) for one in devices for other in devices if one != other]
