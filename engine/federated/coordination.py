"""The contract of coordinations: who averages whose models, and which messages that takes."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.federated.rounds.sessions import Ints, SessionItems, Sessions

if TYPE_CHECKING:
    from engine.federated.strategy import Groups
    from engine.federated.task import Federated
    from engine.task.contract import Block, BlockResult, Context, State, Tensors

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


@dataclass(frozen=True)
class Met:
    """What is there when the updates of a round have been combined.

    Attributes:
        server: the server's groups; its weights are the model that is measured.
        clients: new tensors of clients.
        metrics: what else there is to tell.
        values: values of the state that change.
        drop: names of its tensors that are needed no more.
    """

    server: "Groups"
    clients: Mapping[int, "Tensors"] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    drop: Sequence[str] = ()


class Coordination(Component):
    """Who averages whose models."""

    drops: ClassVar[bool] = True
    """Whether a client may drop out in mid-round; where neighbors wait for each other, who begins a round ends it."""

    period: ClassVar[int] = 1
    """Rounds after which the same messages come again."""

    @abstractmethod
    def ways(self, clients: Ints, place: RoundPlace) -> Ways:
        """Which messages a round takes beside its clients' sessions.

        Args:
            clients: (m,) ids of those that begin it, ascending.
            place: which round it is.
        """

    @abstractmethod
    def add_round(
        self, builder: TraceBuilder, work: Work, sessions: Sessions, ways: Ways, *, after: int | None = None
    ) -> SessionItems:
        """Add the items of a round to a trace in which it has begun; it ends when all of them have.

        Args:
            builder: the trace.
            work: one forward pass over one sample.
            sessions: what the round's clients do.
            ways: its further messages.
            after: the item after which it begins; None starts with the round.
        """

    @abstractmethod
    def meet(self, task: "Federated", context: "Context", state: "State", clients: Ints) -> Met:
        """Combine the updates of a round that the state holds.

        Args:
            task: the task.
            context: fleet, network and seed.
            state: the state with the round still open.
            clients: (m,) ids of those whose updates count, ascending.
        """

    @abstractmethod
    def check(self, cohort_size: int, context: "Context") -> list[Problem]:
        """What is wrong with the coordination on this network; paths are relative to it."""

    def holders_after(self, clients: Ints, place: RoundPlace) -> frozenset[int]:
        """The ``holders`` of the next round, given the clients that began this one."""
        return frozenset()

    def holders(self, state: "State") -> frozenset[int]:
        """The ``holders`` in a state between rounds or with an open round."""
        return frozenset()

    def parts(self, state: "State") -> list[tuple[int, list[int]]]:
        """The clients of the open round that train, in the order in which they do, by the node that they report to."""
        cohort: Any = state.values["cohort"]
        return [(0, cohort)]

    def groups(self, state: "State", part: int) -> "Groups":
        """What the node has, of which the message down to that part of the clients is made: the server's groups."""
        from engine.federated.layout import SERVER
        from engine.federated.rounds.messages import grouped

        return grouped(SERVER, state.tensors)

    def compute(self, task: "Federated", context: "Context", block: "Block") -> "BlockResult":
        """Train the clients of a block."""
        from engine.federated.rounds.blocks import train

        return train(task, context, block)

    def part_done(self, task: "Federated", context: "Context", state: "State", part: tuple[int, list[int]]) -> "State":
        """The state after all clients of a part have trained.

        Args:
            task: the task.
            context: fleet, network and seed.
            state: the state with their updates.
            part: the node that they report to, and their ids.
        """
        return state


coordinations: Registry[Coordination] = Registry(
    "coordination", "engine.federated.coordinations", Coordination, title="Coordination"
)
"""All coordinations by kind."""
