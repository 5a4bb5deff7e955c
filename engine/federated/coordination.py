"""The contract of coordinations: who averages whose models, and which messages that takes."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.federated.sessions import Ints, SessionItems, Sessions

if TYPE_CHECKING:
    from engine.task.contract import Context

Ways = Mapping[str, Ints]
"""Which messages a round takes beside its clients' sessions: named columns of whole numbers, for the run's history."""


@dataclass(frozen=True)
class RoundPlace:
    """A round within its run, as far as its messages depend on it.

    Attributes:
        number: the round, from 1.
        rounds: rounds in all, at most.
        context: network and random streams.
        bytes_down: payload of a model from the server.
        bytes_up: payload of an update to the server.
        holders: nodes between devices and server that hold a model of their own since an earlier round: gateways.
    """

    number: int
    rounds: int
    context: "Context"
    bytes_down: int
    bytes_up: int
    holders: frozenset[int] = field(default_factory=frozenset)


class Coordination(Component):
    """Who averages whose models."""

    @abstractmethod
    def ways(self, clients: Ints, place: RoundPlace) -> Ways:
        """Which messages a round takes beside its clients' sessions.

        Args:
            clients: (m,) ids of those that begin it, ascending.
            place: which round it is.
        """

    @abstractmethod
    def add_round(self, builder: TraceBuilder, work: Work, sessions: Sessions, ways: Ways) -> SessionItems:
        """Add the items of a round to a trace in which it has begun; it ends when all of them have.

        Args:
            builder: the trace.
            work: one forward pass over one sample.
            sessions: what the round's clients do.
            ways: its further messages.
        """

    @abstractmethod
    def check(self, cohort_size: int, context: "Context") -> list[Problem]:
        """What is wrong with the coordination on this network; paths are relative to it."""

    def holders_after(self, clients: Ints, place: RoundPlace) -> frozenset[int]:
        """The ``holders`` of the next round, given the clients that began this one."""
        return frozenset()


coordinations: Registry[Coordination] = Registry(
    "coordinations", "engine.federated.coordinations", Coordination, title="Coordination"
)
"""All coordinations by kind."""
