"""How a federated run's state is laid out, and what its process keeps beside it.

The state between steps holds the server's groups (``server/...``), the ledger (``ledger/...``), what took place in
every round (``history/...``) and, where the fleet has any, the charge of the batteries (``battery/...``). Of the open
round it holds who was called and what each is to do (``called/...``), which further messages that takes
(``ways/...``), the message down if it is encoded (``down/...``),
the running sum of updates (``sum/...``) or the updates themselves (``rows/<block>/...``), and what clients reported
(``open/...``). A client's own state holds the strategy's groups (``client/...``) and its encoder's memory
(``memory/...``).
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.costs.ledger import Ledger
from engine.federated.rounds.messages import travels
from engine.federated.rounds.population import Population
from engine.federated.rounds.sessions import Sessions
from engine.federated.strategy import Groups
from engine.models.graph import Graph
from engine.task.contract import Context, State
from engine.task.layout import part

if TYPE_CHECKING:
    from engine.federated.task import Federated

SERVER, DOWN, CALLED, WAYS, SUM, ROWS, OPEN = "server", "down", "called", "ways", "sum", "rows", "open"
"""Prefixes of the names of tensors in states and blocks."""

CLIENT, MEMORY = "client", "memory"
"""Prefixes of the names of a client's own tensors."""

LEDGER, BATTERY = "ledger", "battery"
"""Prefixes of the arrays of the ledger and of the batteries' charges in the state."""


def graph_of(task: "Federated", context: Context) -> Graph:
    """The declared model, kept by the process."""
    if "graph" not in context.cache:
        context.cache["graph"] = task.model.declare(task.dataset.sample())
    graph: Graph = context.cache["graph"]
    return graph


def message_down(task: "Federated", context: Context, server: Groups) -> Groups:
    """What the server sends to every client, before it is encoded."""
    return travels(task.strategy, graph_of(task, context))(task.strategy.message_down(server))


def population_of(task: "Federated", context: Context) -> Population:
    """The clients' samples, kept by the process.

    Raises:
        DataUnavailable: the data set is not on this machine and cannot be fetched.
    """
    if "population" not in context.cache:
        held_out = task.evaluation.held_out_share if task.evaluation.personalized else 0.0
        context.cache["population"] = Population(
            task.dataset, task.partitioner(), context.fleet.num_devices, context, held_out=held_out
        )
    population: Population = context.cache["population"]
    return population


def called_of(state: State) -> Sessions:
    """What the clients of the open round are to do."""
    return Sessions.from_columns(part(CALLED, state.tensors))


def reported_of(state: State) -> dict[str, np.ndarray]:
    """What the open round's clients reported, by the name of the column; a row for each whose update counts.

    The rows are in the order in which the clients were computed: of their ids, unless gateways take turns.
    """
    return part(OPEN, state.tensors)


def rounds_done(state: State) -> int:
    """Completed rounds."""
    number: Any = state.values["round"]
    return int(number) - 1


def ledger_of(state: State) -> Ledger:
    """The costs booked so far."""
    arrays = part(LEDGER, state.tensors)
    return Ledger.from_arrays(arrays) if arrays else Ledger.empty()
