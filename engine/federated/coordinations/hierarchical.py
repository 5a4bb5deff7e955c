"""Gateways between devices and server, each of which averages its own devices."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import EngineError, Problem
from engine.core.nodes import SERVER, gateway_node
from engine.costs.trace import TraceBuilder
from engine.federated.coordination import Coordination, RoundPlace, coordinations
from engine.federated.sessions import Ints, SessionItems, Sessions, add_sessions

if TYPE_CHECKING:
    from engine.task.contract import Context


@coordinations.register
class HierarchicalCoordination(Coordination):
    """Each gateway runs the rounds of its own devices; every few rounds the server averages the gateways' models.

    A gateway fetches the server's model when the first of its devices takes part after the server averaged. From then
    on it keeps a model of its own (and whatever else the strategy keeps at a server) until the server takes the mean
    over the gateways that have one, weighted by what was trained under each since.
    """

    source: ClassVar[str] = (
        "Liu et al., Client-Edge-Cloud Hierarchical Federated Learning, ICC 2020, Algorithm 1 (HierFAVG)"
    )
    kind: Literal["hierarchical"] = "hierarchical"
    """Gateways average their devices, the server the gateways."""

    edge_rounds: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Rounds of the gateways from one average at the server to the next (kappa 2 of the paper); the last round always
    ends with one."""

    def is_cloud_round(self, number: int, rounds: int) -> bool:
        """Whether the server averages the gateways at the end of a round."""
        return number % self.edge_rounds == 0 or number == rounds

    def add_round(self, builder: TraceBuilder, sessions: Sessions, place: RoundPlace) -> SessionItems:
        """Model to the gateways that need it, sessions of devices with their gateways, models to the server."""
        hubs = hubs_of(sessions.client, place.context)
        fetch = np.setdiff1d(hubs, list(place.holders))
        after = None
        if len(fetch):
            fetched = builder.send(
                SERVER, gateway_node(0) - fetch, place.bytes_down, new_connection=True, phase="gateway download"
            )
            there = np.searchsorted(fetch, hubs).clip(max=len(fetch) - 1)
            after = np.where(fetch[there] == hubs, fetched[there], -1)
        items = add_sessions(builder, place.work, sessions, hub=gateway_node(0) - hubs, after=after)
        self._send_up(builder, items, hubs, place)
        return items

    def _send_up(self, builder: TraceBuilder, items: SessionItems, hubs: Ints, place: RoundPlace) -> None:
        """Each gateway waits for its devices; at the end of a cloud round it sends its model to the server."""
        ends, began = items.last, items.received >= 0
        mine = hubs[began]
        if not self.is_cloud_round(place.number, place.rounds):
            if len(ends):
                builder.barrier(ends)
            return
        senders = sorted({*place.holders, *hubs.tolist()})
        ready = [builder.barrier(ends[mine == hub]) if np.any(mine == hub) else -1 for hub in senders]
        if senders:
            nodes = gateway_node(0) - np.array(senders)
            builder.barrier(
                builder.send(nodes, SERVER, place.bytes_up, new_connection=True, after=ready, phase="gateway upload")
            )

    def holders_after(self, clients: Ints, place: RoundPlace) -> frozenset[int]:
        """Gateways that have a model of their own after the round."""
        if self.is_cloud_round(place.number, place.rounds):
            return frozenset()
        return place.holders | frozenset(hubs_of(clients, place.context).tolist())

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
