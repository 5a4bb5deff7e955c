"""How a federated run's state is laid out, and what its process keeps beside it.

The state between steps holds the server's groups (``server/...``), the running sum of the open round (``sum/...``),
what its clients reported (``open/...``), who took part in every round (``took_part/<round>``), the ledger
(``ledger/...``) and, where the fleet has any, the charge of the batteries (``battery/...``).
"""

from typing import TYPE_CHECKING, Any

from engine.costs.ledger import Ledger
from engine.federated.population import Population
from engine.models.graph import Graph
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.federated.task import Federated

SERVER, SUM, OPEN, CLIENT, DOWN, TOOK_PART = "server", "sum", "open", "client", "down", "took_part"
"""Prefixes of the names of tensors in states and blocks."""

LEDGER, BATTERY = "ledger", "battery"
"""Prefixes of the arrays of the ledger and of the batteries' charges in the state."""

COLUMNS = ("loss", "steps", "samples", "activations")
"""What a block reports per client, as arrays with one row each."""


def graph_of(task: "Federated", context: Context) -> Graph:
    """The declared model, kept by the process."""
    if "graph" not in context.cache:
        context.cache["graph"] = task.model.declare(task.dataset.sample())
    graph: Graph = context.cache["graph"]
    return graph


def population_of(task: "Federated", context: Context) -> Population:
    """The clients' samples, kept by the process.

    Raises:
        DataUnavailable: the data set is not on this machine and cannot be fetched.
    """
    if "population" not in context.cache:
        context.cache["population"] = Population(task.dataset, task.partitioner(), context.fleet.num_devices, context)
    population: Population = context.cache["population"]
    return population


def rounds_done(state: State) -> int:
    """Completed rounds."""
    number: Any = state.values["round"]
    return int(number) - 1


def ledger_of(state: State) -> Ledger:
    """The costs booked so far."""
    prefix = f"{LEDGER}/"
    arrays = {key.removeprefix(prefix): array for key, array in state.tensors.items() if key.startswith(prefix)}
    return Ledger.from_arrays(arrays) if arrays else Ledger.empty()
