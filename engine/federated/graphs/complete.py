"""Everybody with everybody."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from engine.core.errors import Problem
from engine.federated.graph import DeviceGraph, Gathering, graphs
from engine.federated.rounds.sessions import Ints

if TYPE_CHECKING:
    from engine.task.contract import Context

MOST_DEVICES = 2000
"""Devices of a round at most: the number of messages grows with its square."""


@graphs.register
class CompleteGraph(DeviceGraph):
    """Every device of a round with every other; with equal weights all have the mean after one exchange."""

    source: ClassVar[str] = "Xiao and Boyd, Fast Linear Iterations for Distributed Averaging, 2004, section 1"
    kind: Literal["complete"] = "complete"
    """Everybody with everybody."""

    def pairs(self, gathering: Gathering) -> Ints:
        """All pairs."""
        return np.stack(np.triu_indices(len(gathering.devices), 1), axis=1).astype(np.int64)

    def check(self, num_devices: int, context: "Context") -> list[Problem]:
        """Too many devices would send too many messages."""
        if num_devices <= MOST_DEVICES:
            return []
        message = f"a complete graph takes at most {MOST_DEVICES} devices a round; given: {num_devices}"
        return [Problem("kind", "too_many_devices", message)]
