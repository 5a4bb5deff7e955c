"""The colors of links by their capacity: slowest to fastest of a network, with what each carries in the legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.network.network import Network

COLORS = 5


@dataclass(frozen=True)
class CapacityStep:
    """An entry of the legend.

    Attributes:
        number: of the color, from 1 (slow) to 5 (fast).
        lowest_bps: capacity of its slowest link.
        highest_bps: capacity of its fastest link.
        links: what people call its links.
        recalled: whether the capacity of any of them is recalled.
    """

    number: int
    lowest_bps: float
    highest_bps: float
    links: Sequence[str]
    recalled: bool


def legend(network: Network) -> list[CapacityStep]:
    """The colors that a network's picture has, fastest first, with their links."""
    rates, steps = _rates(network), link_steps(network)
    titles = dict(zip(network.table.names, network.table.titles, strict=True))
    guessed = {
        name: any(rate.provenance == "recalled" for rate in (link.up_rate, link.down_rate))
        for name, link in zip(network.table.names, network.links, strict=True)
    }
    found = []
    for number in range(COLORS, 0, -1):
        links = [name for name, step in steps.items() if step == number]
        if links:
            carried = [rates[name] for name in links]
            rests = any(guessed[name] for name in links)
            found.append(CapacityStep(number, min(carried), max(carried), [titles[name] for name in links], rests))
    return found


def link_steps(network: Network) -> Mapping[str, int]:
    """The color of each link: links of one capacity share it, and all colors together span the network."""
    rates = _rates(network)
    ranked = sorted(set(rates.values()))
    if len(ranked) == 1:
        return dict.fromkeys(rates, (COLORS + 1) // 2)
    return {name: 1 + round((COLORS - 1) * ranked.index(rate) / (len(ranked) - 1)) for name, rate in rates.items()}


def _rates(network: Network) -> dict[str, float]:
    """Payload of each link in bit/s, of the slower of its two directions."""
    return {
        name: min(link.up_rate.value, link.down_rate.value)
        for name, link in zip(network.table.names, network.links, strict=True)
    }
