"""The colors of links: fixed steps of capacity, so that a color means the same on every page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.network.network import Network

STEPS = (1e5, 1e6, 1e7, 1e8)
"""Payload rates in bit/s at which the next color begins."""

NAMES = ("below 100 kbit/s", "100 kbit/s to 1 Mbit/s", "1 to 10 Mbit/s", "10 to 100 Mbit/s", "100 Mbit/s and more")


@dataclass(frozen=True)
class CapacityStep:
    """An entry of the legend.

    Attributes:
        number: of the color, from 1.
        title: range of capacities.
        links: links of this network in that range.
    """

    number: int
    title: str
    links: Sequence[str]


def step_of(rate_bps: float) -> int:
    """Number of the color of a capacity, from 1."""
    return 1 + sum(rate_bps >= step for step in STEPS)


def legend(network: Network) -> list[CapacityStep]:
    """The colors that a network's picture has, fastest first, with their links."""
    found = link_steps(network)
    return [
        CapacityStep(number, NAMES[number - 1], [name for name, step in found.items() if step == number])
        for number in range(len(NAMES), 0, -1)
        if number in found.values()
    ]


def link_steps(network: Network) -> Mapping[str, int]:
    """The color of each link, by the slower of its two directions."""
    return {
        name: step_of(min(link.up_rate.value, link.down_rate.value))
        for name, link in zip(network.table.names, network.links, strict=True)
    }
