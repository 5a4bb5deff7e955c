"""What the drawing of plans needs of a place: its network with signs, its devices, and ways between these."""

from collections.abc import Iterable
from typing import Any

from engine.fleet.fleet import Fleet
from engine.network.network import Network
from engine.network.topology import Topology
from webapp.inference.ways import pairs_of, ways_of
from webapp.library.drawing import draw, shape_of, signs

MOST_PAIRED = 64
"""Devices of which every pair has its way; a plan over more of them is listed without bytes on its connections."""


def view_of(fleet: Fleet, topology: Topology, network: Network, devices: Iterable[int]) -> dict[str, Any]:
    """What ``inference/_plan_view.html`` and ``planview.js`` show plans on.

    Args:
        fleet: of the task.
        topology: of its network.
        network: over which messages go.
        devices: numbers of all that a plan may use.

    Returns:
        ``drawing`` and ``signs`` for the template; ``places`` for the script: ``devices`` (by number the title, group,
        device, sign and memory) and ``ways`` (by "sender receiver" the connections that a message crosses).
    """
    named = sorted(set(devices))
    ways = ways_of(network, pairs_of(named)) if len(named) <= MOST_PAIRED else {}
    return {
        "drawing": draw(fleet, topology, network, also=named),
        "signs": signs(fleet),
        "places": {
            "devices": {str(number): device_of(fleet, number) for number in named},
            "ways": {f"{one} {other}": way for (one, other), way in ways.items()},
        },
    }


def device_of(fleet: Fleet, number: int) -> dict[str, Any]:
    """A device as pages of plans name it."""
    group = int(fleet.group_of[number])
    kind = fleet.kinds[group]
    alone = int(fleet.counts[group]) == 1
    return {
        "title": fleet.names[group] if alone else f"{fleet.names[group]} {number}",
        "group": fleet.names[group],
        "kind": kind.name,
        "shape": shape_of(kind),
        "color": group % 6 + 1,
        "memory": float(fleet.device(number).ram_bytes.value),
    }
