"""No server: devices average their models with those of their neighbors."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.core.nodes import SERVER
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.federated.coordination import Coordination, Met, RoundPlace, Ways, coordinations
from engine.federated.gossip.mixing import Rule
from engine.federated.graph import DeviceGraph, Gathering, graphs
from engine.federated.graphs.ring import RingGraph
from engine.federated.rounds.sessions import NEVER, Ints, SessionItems, Sessions

if TYPE_CHECKING:
    from engine.federated.task import Federated
    from engine.task.contract import Block, BlockResult, Context, State


@coordinations.register
class Gossip(Coordination):
    """Each device keeps a model of its own, trains it, and takes a weighted mean with its neighbors' models.

    All start from the same model. Where the network does not join two neighbors, the server passes their messages on:
    a device then sends its model once, and the server sends it to each neighbor. What is measured is the mean of all
    devices' models. Who begins a round is taken to stay until its end.
    """

    source: ClassVar[str] = (
        "Lian et al., Can Decentralized Algorithms Outperform Centralized Algorithms?, NeurIPS 2017, Algorithm 1 "
        "(D-PSGD); Sun et al., Decentralized Federated Averaging, IEEE TPAMI 2023, Algorithm 1 (DFedAvgM)"
    )
    drops: ClassVar[bool] = False
    equation: ClassVar[str] = "wᵢ ← Σⱼ Wᵢⱼ zⱼ"
    kind: Literal["gossip"] = "gossip"
    """Devices average their models with their neighbors'."""

    graph: Annotated[DeviceGraph, graphs.field()] = Field(default_factory=RingGraph)
    """Which of a round's devices are neighbors."""

    weights: Rule = "metropolis"
    """How neighbors count: metropolis, one over one plus the greater number of neighbors of the two, so that the mean
    of all models stays what it was; or uniform, all alike, the device itself among them."""

    mixing: Literal["after", "beside"] = "after"
    """When models are averaged: after local training, which sends trained models (after, as in DFedAvgM), or beside it,
    which sends models while training and adds what was learned to their mean (beside, as in D-PSGD)."""

    def ways(self, clients: Ints, place: RoundPlace) -> Ways:
        """Places of neighbors among the clients, and whether the server passes their messages on."""
        pairs = self.graph.pairs(Gathering(clients, place.number, place.context))
        over_server = np.array([place.context.network.relays is None], dtype=np.int64)
        return {"one": pairs[:, 0], "other": pairs[:, 1], "over_server": over_server}

    def add_round(
        self, builder: TraceBuilder, work: Work, sessions: Sessions, ways: Ways, *, after: int | None = None
    ) -> SessionItems:
        """Training and the exchange of models, one after the other or both at once."""
        never = np.full(len(sessions), NEVER, dtype=np.int64)
        if not len(sessions):
            return SessionItems(never, never, never)
        trained = builder.compute(
            sessions.client, work, sessions.samples, mode="train", num_steps=sessions.steps, after=after,
            phase="compute",
        )  # fmt: skip
        ready = trained if self.mixing == "after" else np.full(len(sessions), NEVER if after is None else after)
        sender = np.concatenate([ways["one"], ways["other"]])
        receiver = np.concatenate([ways["other"], ways["one"]])
        if ways["over_server"][0]:
            exchanged = _over_the_server(builder, sessions, ready, (sender, receiver))
        else:
            exchanged = builder.send(
                sessions.client[sender], sessions.client[receiver], sessions.bytes_up[sender], new_connection=True,
                after=ready[sender], phase="exchange",
            )  # fmt: skip
        builder.barrier(np.concatenate([trained, exchanged]))
        return SessionItems(never, trained, never)

    def compute(self, task: "Federated", context: "Context", block: "Block") -> "BlockResult":
        """Train each client of a block from its own model."""
        from engine.federated.gossip.alone import train_alone

        return train_alone(task, context, block)

    def meet(self, task: "Federated", context: "Context", state: "State", clients: Ints) -> Met:
        """Neighbors mix their models; in evaluated rounds the mean of all devices' is made."""
        from engine.federated.gossip.alone import meet

        return meet(task, context, state, clients)

    def check(self, cohort_size: int, context: "Context") -> list[Problem]:
        """The graph must fit."""
        problems = self.graph.check(cohort_size, context)
        return [Problem(f"graph.{found.path}".rstrip("."), found.code, found.message) for found in problems]


def _over_the_server(builder: TraceBuilder, sessions: Sessions, ready: Ints, edges: tuple[Ints, Ints]) -> Ints:
    """Each model goes up once and down to every neighbor of its device."""
    sender, receiver = edges
    talking = np.unique(sender)
    up = builder.send(
        sessions.client[talking], SERVER, sessions.bytes_up[talking], new_connection=True, after=ready[talking],
        phase="upload",
    )  # fmt: skip
    return builder.send(
        SERVER, sessions.client[receiver], sessions.bytes_up[sender], new_connection=False,
        after=up[np.searchsorted(talking, sender)], phase="download",
    )  # fmt: skip
