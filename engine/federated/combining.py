"""How the server makes one step of a round's updates, whether it has their sum or each by itself."""

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.federated.aggregator import Rows
from engine.federated.layout import ROWS, SUM
from engine.federated.messages import combined_mean, grouped, part
from engine.federated.outgoing import packing_of
from engine.federated.route import route_of
from engine.federated.strategy import Combined, Groups
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.federated.task import Federated


def combine(
    task: "Federated", context: Context, state: State, server: Groups, *, clients: np.ndarray, num_clients: int
) -> Groups:
    """The server's groups after the updates that the state holds; as they were where nothing can be made of them.

    Args:
        task: the task.
        context: fleet and seed.
        state: the state with the sum or the rows of all of the clients.
        server: the groups that sent the message down: the server's, or a gateway's.
        clients: (m,) ids of those whose updates are there, ascending.
        num_clients: how many there are in all.
    """
    mean = _mean(task, context, state, clients)
    if mean is None:
        return server
    weight: Any = state.values["weight"]
    return task.strategy.server_step(Combined(mean, weight, len(clients), num_clients), server)


def shortfall(task: "Federated", num_updates: int) -> str:
    """Why so few updates leave the model as it is, in words for the log; empty if they do not."""
    least = task.aggregator.least_updates
    if not num_updates or num_updates >= least:
        return ""
    return f"{num_updates} updates arrived, {task.aggregator.kind} needs {least}: the model stays as it is"


def _mean(task: "Federated", context: Context, state: State, clients: np.ndarray) -> Groups | None:
    """The one update that stands for all; None if there is nothing to make it of."""
    weight: Any = state.values["weight"]
    if not len(clients) or weight == 0.0 or shortfall(task, len(clients)):
        return None
    if route_of(task).keeps_rows:
        packing = packing_of(task, context)
        return packing.groups(task.aggregator.combine(_rows(task, context, state, clients)))
    return combined_mean(grouped(SUM, state.tensors), weight)


def _rows(task: "Federated", context: Context, state: State, clients: np.ndarray) -> Rows:
    """The updates as the server gets them, malicious ones included."""
    found = part(ROWS, state.tensors)
    places = sorted({int(name.partition("/")[0]) for name in found})
    values, weights = (np.concatenate([found[f"{place}/{name}"] for place in places]) for name in ("values", "weights"))
    return Rows(values, weights)
