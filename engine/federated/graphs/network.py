"""The connections of the network itself."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from engine.core.errors import Problem
from engine.federated.graph import DeviceGraph, Gathering, graphs, no_pairs
from engine.federated.rounds.sessions import Ints

if TYPE_CHECKING:
    from engine.task.contract import Context


@graphs.register
class NetworkGraph(DeviceGraph):
    """Devices that the network joins directly; of these, those that take part in the round."""

    source: ClassVar[str] = "Lian et al., NeurIPS 2017, section 3: an undirected graph of the nodes' connections"
    kind: Literal["network"] = "network"
    """The connections of the network itself."""

    def pairs(self, gathering: Gathering) -> Ints:
        """The network's own pairs among the devices."""
        whole = device_pairs(gathering.context)
        place = np.full(gathering.context.fleet.num_devices, -1, dtype=np.int64)
        place[gathering.devices] = np.arange(len(gathering.devices))
        found = place[whole]
        return np.asarray(found[(found >= 0).all(axis=1)])

    def check(self, num_devices: int, context: "Context") -> list[Problem]:
        """The network must join devices."""
        if len(device_pairs(context)):
            return []
        message = (
            "the network joins no two devices directly; take a topology that does (ring, mesh, random_geometric, "
            "small_world, scale_free, custom), or another graph (ring, complete, random_regular)"
        )
        return [Problem("kind", "no_connections", message)]


def device_pairs(context: "Context") -> Ints:
    """(E, 2) ids of devices that the network joins directly, lower id first, in ascending order."""
    relays = context.network.relays
    if relays is None:
        return no_pairs()
    pairs = np.sort(np.stack([relays.lower, relays.upper], axis=1), axis=1)
    pairs = np.unique(pairs[pairs[:, 1] < context.fleet.num_devices], axis=0)
    return np.asarray(pairs, dtype=np.int64)
