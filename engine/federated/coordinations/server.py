"""One server."""

from typing import TYPE_CHECKING, ClassVar, Literal

from engine.core.errors import Problem
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.federated.coordination import Coordination, RoundPlace, Ways, coordinations
from engine.federated.sessions import Ints, SessionItems, Sessions, add_sessions

if TYPE_CHECKING:
    from engine.task.contract import Context


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

    def add_round(self, builder: TraceBuilder, work: Work, sessions: Sessions, ways: Ways) -> SessionItems:
        """The model down, local training, the update up."""
        items = add_sessions(builder, work, sessions)
        if len(items.last):
            builder.barrier(items.last)
        return items

    def check(self, cohort_size: int, context: "Context") -> list[Problem]:
        """Nothing can be wrong: every network has a server."""
        return []
