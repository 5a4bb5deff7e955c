"""Gateways between devices and server, each of which averages its own devices."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import EngineError, Problem
from engine.core.nodes import SERVER, gateway_node
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.federated.coordination import Coordination, Met, RoundPlace, Ways, coordinations
from engine.federated.rounds.sessions import NEVER, Ints, SessionItems, Sessions, add_sessions

if TYPE_CHECKING:
    from engine.federated.strategy import Groups
    from engine.federated.task import Federated
    from engine.task.contract import Context, State


@coordinations.register
class HierarchicalCoordination(Coordination):
    """Each gateway runs the rounds of its own devices; every few rounds the server averages the gateways' models.

    A gateway fetches the server's model when the first of its devices takes part after the server averaged. From then
    on it keeps a model of its own (and whatever else the strategy keeps at a server) until the server takes the mean
    over the gateways that have one, weighted by what was trained under each since. The server's model is what is
    measured, so that accuracy moves in these rounds only.
    """

    source: ClassVar[str] = (
        "Liu et al., Client-Edge-Cloud Hierarchical Federated Learning, ICC 2020, Algorithm 1 (HierFAVG)"
    )
    equation: ClassVar[str] = "w = Σₗ |Dₗ| wₗ / |D|"
    kind: Literal["hierarchical"] = "hierarchical"
    """Gateways average their devices, the server the gateways."""

    edge_rounds: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Rounds of the gateways from one average at the server to the next (kappa 2 of the paper); the last round always
    ends with one."""

    @property
    def period(self) -> int:  # type: ignore[override]
        """The rounds from one average at the server to the next."""
        return self.edge_rounds

    def is_cloud_round(self, number: int, rounds: int) -> bool:
        """Whether the server averages the gateways at the end of a round."""
        return number % self.edge_rounds == 0 or number == rounds

    def ways(self, clients: Ints, place: RoundPlace) -> Ways:
        """The gateway of each client, the gateways that fetch a model, and those that send theirs, with the bytes."""
        hubs = hubs_of(clients, place.context)
        senders: list[int] = []
        if self.is_cloud_round(place.number, place.rounds):
            senders = sorted({*place.holders, *hubs.tolist()})
        return {
            "began": clients,
            "hub": hubs,
            "fetches": np.setdiff1d(hubs, np.array(sorted(place.holders), dtype=np.int64)),
            "sends": np.array(senders, dtype=np.int64),
            "hub_bytes": np.array([place.bytes_down, place.bytes_up], dtype=np.int64),
        }

    def add_round(
        self, builder: TraceBuilder, work: Work, sessions: Sessions, ways: Ways, *, after: int | None = None
    ) -> SessionItems:
        """Models to gateways that have none, sessions of devices with their gateways, models to the server."""
        hubs, fetches = ways["hub"], ways["fetches"]
        begin = np.full(len(hubs), NEVER if after is None else after, dtype=np.int64)
        if len(fetches):
            fetched = builder.send(
                SERVER, gateway_node(0) - fetches, int(ways["hub_bytes"][0]), new_connection=True,
                after=after, phase="gateway download",
            )  # fmt: skip
            place = np.searchsorted(fetches, hubs).clip(max=len(fetches) - 1)
            begin = np.where(fetches[place] == hubs, fetched[place], begin)
        items = add_sessions(builder, work, sessions, hub=gateway_node(0) - hubs, after=begin)
        last = _sent_up(builder, items, ways) if len(ways["sends"]) else items.last
        if len(last):
            builder.barrier(last)
        return items

    def holders_after(self, clients: Ints, place: RoundPlace) -> frozenset[int]:
        """Gateways that have a model of their own after the round."""
        if self.is_cloud_round(place.number, place.rounds):
            return frozenset()
        return place.holders | frozenset(hubs_of(clients, place.context).tolist())

    def holders(self, state: "State") -> frozenset[int]:
        """Gateways that have a model of their own."""
        from engine.federated.rounds.hubs import holders

        return holders(state)

    def parts(self, state: "State") -> list[tuple[int, list[int]]]:
        """The clients by gateway."""
        from engine.federated.rounds.hubs import by_hub

        return by_hub(state)

    def groups(self, state: "State", part: int) -> "Groups":
        """What the gateway has in place of the server."""
        from engine.federated.rounds.hubs import groups_of

        return groups_of(state, part)

    def part_done(self, task: "Federated", context: "Context", state: "State", part: tuple[int, list[int]]) -> "State":
        """The gateway makes a step with the updates of its clients."""
        from engine.federated.rounds.hubs import hub_step

        return hub_step(task, context, state, part)

    def meet(self, task: "Federated", context: "Context", state: "State", clients: Ints) -> Met:
        """At the end of a cloud round the server takes the mean; else its model stays as it is."""
        from engine.federated.rounds.hubs import meet

        number: Any = state.values["round"]
        return meet(state, is_final=self.is_cloud_round(number, task.rounds))

    def check(self, cohort_size: int, context: "Context") -> list[Problem]:
        """The network needs gateways with which devices can talk."""
        network = context.network
        if network.relays is not None:
            reachable = network.relays.num_gateways > 0
        else:
            reachable = bool(network.trunk()) and _takes_gateways(context)
        if reachable:
            return []
        message = (
            "needs gateways that stand between devices and server, which this network has not; take the topology "
            "hierarchical (or a custom one with gateways) with a backhaul, or the coordination server"
        )
        return [Problem("kind", "no_gateways", message)]


def _sent_up(builder: TraceBuilder, items: SessionItems, ways: Ways) -> Ints:
    """Each gateway waits for its devices and sends its model to the server."""
    ends, mine = items.last, ways["hub"][items.received != NEVER]
    ready = [builder.barrier(ends[mine == hub]) if np.any(mine == hub) else NEVER for hub in ways["sends"]]
    return builder.send(
        gateway_node(0) - ways["sends"], SERVER, int(ways["hub_bytes"][1]), new_connection=True, after=ready,
        phase="gateway upload",
    )  # fmt: skip


def hubs_of(clients: Ints, context: "Context") -> Ints:
    """(m,) number of each client's gateway."""
    return np.asarray(context.network.gateway_of[clients], dtype=np.int64)


def _takes_gateways(context: "Context") -> bool:
    """Whether messages can end at a gateway: at the hub of a star they cannot."""
    gateway = np.array([gateway_node(int(context.network.gateway_of[0]))], dtype=np.int32)
    try:
        context.network.routes(np.zeros(1, dtype=np.int32), gateway)
    except EngineError:
        return False
    return True
