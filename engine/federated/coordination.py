"""The contract of coordinations: who averages whose models, and which messages that takes."""

from abc import abstractmethod
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


@dataclass(frozen=True)
class RoundPlace:
    """A round within its run, as far as its messages depend on it.

    Attributes:
        number: the round, from 1.
        rounds: rounds in all, at most.
        context: network and random streams.
        work: one forward pass over one sample.
        bytes_down: payload of a model from the server.
        bytes_up: payload of an update to the server.
        holders: what earlier rounds left with whom: for a hierarchy the gateways that hold a model of their own.
    """

    number: int
    rounds: int
    context: "Context"
    work: Work
    bytes_down: int
    bytes_up: int
    holders: frozenset[int] = field(default_factory=frozenset)


class Coordination(Component):
    """Who averages whose models."""

    @abstractmethod
    def add_round(self, builder: TraceBuilder, sessions: Sessions, place: RoundPlace) -> SessionItems:
        """Add the items of a round to a trace in which it has begun; it ends when all of them have.

        Args:
            builder: the trace.
            sessions: what the round's clients do.
            place: which round it is.
        """

    @abstractmethod
    def check(self, cohort_size: int, context: "Context") -> list[Problem]:
        """What is wrong with the coordination on this network; paths are relative to it."""

    def holders_after(self, clients: Ints, place: RoundPlace) -> frozenset[int]:
        """What a round leaves with whom, given the clients that began it: the ``holders`` of the next round."""
        return frozenset()


coordinations: Registry[Coordination] = Registry(
    "coordinations", "engine.federated.coordinations", Coordination, title="Coordination"
)
"""All coordinations by kind."""
