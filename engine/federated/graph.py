"""The contract of graphs: which of a round's devices exchange their models in gossip."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.federated.rounds.sessions import Ints

if TYPE_CHECKING:
    from engine.task.contract import Context


@dataclass(frozen=True)
class Gathering:
    """The devices of a round.

    Attributes:
        devices: (m,) ids, ascending.
        round_number: the round, from 1.
        context: network and random streams.
    """

    devices: Ints
    round_number: int
    context: "Context"


class DeviceGraph(Component):
    """Who exchanges models with whom, both ways."""

    @abstractmethod
    def pairs(self, gathering: Gathering) -> Ints:
        """(E, 2) places within ``gathering.devices``, each pair once, lower place first."""

    @abstractmethod
    def check(self, num_devices: int, context: "Context") -> list[Problem]:
        """What is wrong with the graph for so many devices at a time; paths are relative to it."""


def no_pairs() -> Ints:
    """(0, 2): nobody is connected."""
    return np.zeros((0, 2), dtype=np.int64)


graphs: Registry[DeviceGraph] = Registry("graphs", "engine.federated.graphs", DeviceGraph, title="Graph")
"""All graphs of devices by kind."""
