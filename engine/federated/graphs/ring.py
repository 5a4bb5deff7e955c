"""Devices in a circle."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from engine.core.errors import Problem
from engine.federated.graph import DeviceGraph, Gathering, graphs, no_pairs
from engine.federated.rounds.sessions import Ints

if TYPE_CHECKING:
    from engine.task.contract import Context


@graphs.register
class RingGraph(DeviceGraph):
    """The devices of a round in a circle, in the order of their numbers, wherever they stand in the network."""

    source: ClassVar[str] = (
        "Lian et al., Can Decentralized Algorithms Outperform Centralized Algorithms?, NeurIPS 2017, section 5"
    )
    kind: Literal["ring"] = "ring"
    """Devices in a circle."""

    def pairs(self, gathering: Gathering) -> Ints:
        """Each with the next, the last with the first; two devices are one pair."""
        count = len(gathering.devices)
        if count < 2:
            return no_pairs()
        each = np.arange(count - 1, dtype=np.int64)
        chain = np.stack([each, each + 1], axis=1)
        return chain if count == 2 else np.concatenate([chain, [[0, count - 1]]])

    def check(self, num_devices: int, context: "Context") -> list[Problem]:
        """Nothing can be wrong: a circle takes any number of devices."""
        return []
