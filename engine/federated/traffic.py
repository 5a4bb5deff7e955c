"""The trace of synchronous rounds: the message down, local training, the message up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.core.nodes import SERVER
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.federated.messages import shape_only, travels
from engine.federated.strategy import num_bytes
from engine.fleet.device import TRAINING_PASSES
from engine.models.profile import Profile, profile
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.federated.task import Federated


@dataclass(frozen=True)
class Exchange:
    """What every client of every round sends, receives and computes.

    Attributes:
        work: one forward pass over one sample.
        bytes_down: payload from the server to one client.
        bytes_up: payload from one client to the server.
    """

    work: Work
    bytes_down: int
    bytes_up: int


@dataclass(frozen=True)
class Participation:
    """Who took part in a round.

    Attributes:
        clients: (m,) ids, ascending.
        samples: (m,) samples that each passed through training, all epochs counted.
        steps: (m,) local steps of each.
    """

    clients: np.ndarray
    samples: np.ndarray
    steps: np.ndarray


def profile_of(task: "Federated") -> Profile:
    """What the task's model costs on its data set."""
    return profile(task.model.declare(task.dataset.sample()))


def exchange_of(task: "Federated") -> Exchange:
    """The task's messages and work, from shapes alone."""
    costs = profile_of(task)
    params = shape_only({info.name: info.shape for info in costs.graph.parameters()})
    only_shared = travels(task.strategy, costs.graph)
    server = task.strategy.init_server(params)
    return Exchange(
        work=Work.from_profile(costs),
        bytes_down=num_bytes(only_shared(task.strategy.message_down(server))),
        bytes_up=num_bytes(only_shared(task.strategy.message_up(server))),
    )


def macs_per_sample(task: "Federated", context: Context) -> float:
    """Multiply-accumulates of one sample's training, kept by the process."""
    if "macs_per_sample" not in context.cache:
        context.cache["macs_per_sample"] = TRAINING_PASSES.value * sum(profile_of(task).macs.values())
    macs: float = context.cache["macs_per_sample"]
    return macs


def add_round(builder: TraceBuilder, exchange: Exchange, who: Participation, *, repeats: int = 1) -> None:
    """Add a round: the next one starts when the server has every update.

    A device joins the network and opens a connection once per round, for the message down; its update goes back over
    the same connection after training.
    """
    builder.next_round(repeats=repeats)
    if not len(who.clients):
        return
    received = builder.send(SERVER, who.clients, exchange.bytes_down, new_connection=True, phase="download")
    trained = builder.compute(
        who.clients, exchange.work, who.samples, mode="train", num_steps=who.steps, after=received, phase="compute"
    )
    sent = builder.send(who.clients, SERVER, exchange.bytes_up, new_connection=False, after=trained, phase="upload")
    builder.barrier(sent)


def round_trace(exchange: Exchange, who: Participation) -> Trace:
    """The trace of one round."""
    builder = TraceBuilder()
    add_round(builder, exchange, who)
    return builder.build()
