"""The nodes and edges of a network that somebody drew or imported, as they stand in a spec."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from engine.core.component import Component
from engine.network.choice import LinkChoice

Role = Literal["devices", "gateway", "server"]
"""What a node is."""

MOST_IN_EXAMPLE = 10
"""Devices of a group in a fleet that stands in for one that is not there yet."""


class Node(Component):
    """A node of a drawn network: the server, a gateway, a single device, or all devices of a group."""

    name: str = Field(pattern=r"^[^\x00-\x1f\x7f]{1,60}$")
    """What edges call it, up to 60 characters; each node has a name of its own."""

    role: Role = "devices"
    """What it is: devices of the fleet, a gateway, which passes on what comes, or the server."""

    group: str | None = Field(default=None, pattern="^[A-Za-z][A-Za-z0-9_-]{0,39}$")
    """Of devices, the group of the fleet to which they belong."""

    number: int | None = Field(default=None, ge=0, le=10_000_000)
    """Which device of the group it is, counted from 0; left out, all of the group that have no node of their own."""

    x: float | None = Field(default=None, ge=0, le=1)
    """Where it is drawn, as a share of the picture's width from the left; left out, wherever there is room."""

    y: float | None = Field(default=None, ge=0, le=1)
    """Where it is drawn, as a share of the picture's height from the top; left out, wherever there is room."""


class Wire(Component):
    """A connection of a drawn network between two nodes; with a node of many devices, from each of them.

    Towards the server it uses its link's rate up, away from it the rate down.
    """

    start: str = Field(min_length=1, max_length=60)
    """Name of the node at one end."""

    end: str = Field(min_length=1, max_length=60)
    """Name of the node at the other end."""

    link: LinkChoice | None = None
    """What carries it; left out, the link of the group at the end farther from the server, or the backhaul where that
    is a gateway."""

    down_link: LinkChoice | None = None
    """What carries messages away from the server, where that is another link."""


def default_nodes(groups: tuple[str, ...], *, has_backhaul: bool) -> tuple[tuple[Node, ...], tuple[Wire, ...]]:
    """What stands for a network in which nothing was drawn: all groups around one gateway, or around the server."""
    hub = "gateway" if has_backhaul else "server"
    nodes = [Node(name=f"group {group}", group=group) for group in groups]
    wires = [Wire(start=node.name, end=hub) for node in nodes]
    nodes.append(Node(name="server", role="server"))
    if has_backhaul:
        nodes.append(Node(name="gateway", role="gateway"))
        wires.append(Wire(start="gateway", end="server"))
    return tuple(nodes), tuple(wires)


def example_counts(nodes: Sequence[Node]) -> dict[str, int]:
    """Devices by group of a fleet that fits the nodes: where one stands for all the rest, at least ten of a group."""
    counts: dict[str, int] = {}
    for node in nodes:
        if node.group is not None and node.number is not None:
            counts[node.group] = max(counts.get(node.group, 0), node.number + 1)
    for node in nodes:
        if node.group is not None and node.number is None:
            counts[node.group] = max(MOST_IN_EXAMPLE, counts.get(node.group, 0) + 1)
    return counts
