"""One server."""

from typing import TYPE_CHECKING, ClassVar, Literal

from engine.core.errors import Problem
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.federated.coordination import Coordination, Met, RoundPlace, Ways, coordinations
from engine.federated.rounds.sessions import Ints, SessionItems, Sessions, add_sessions

if TYPE_CHECKING:
    from engine.federated.task import Federated
    from engine.task.contract import Context, State


@coordinations.register
class Server(Coordination):
    """One server sends its model to the clients of a round and combines their updates."""

    source: ClassVar[str] = (
        "McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017, "
        "Algorithm 1"
    )
    kind: Literal["server"] = "server"
    """One server combines all updates."""

    def ways(self, clients: Ints, place: RoundPlace) -> Ways:
        """None: clients talk with the server."""
        return {}

    def add_round(
        self, builder: TraceBuilder, work: Work, sessions: Sessions, ways: Ways, *, after: int | None = None
    ) -> SessionItems:
        """The model down, local training, the update up."""
        items = add_sessions(builder, work, sessions, after=after)
        if len(items.last):
            builder.barrier(items.last)
        return items

    def meet(self, task: "Federated", context: "Context", state: "State", clients: Ints) -> Met:
        """The server makes a step with all updates."""
        from engine.federated.rounds.combining import combine

        groups, everybody = self.groups(state, 0), context.fleet.num_devices
        return Met(combine(task, context, state, groups, clients=clients, num_clients=everybody))

    def check(self, cohort_size: int, context: "Context") -> list[Problem]:
        """Nothing can be wrong: every network has a server."""
        return []
