"""How the server makes one step of a round's updates, whether it has their sum or each by itself."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.registry import kind_of
from engine.federated.aggregator import Rows
from engine.federated.layout import DOWN, ROWS, SUM, message_down, rounds_done
from engine.federated.private.budget import BOOK
from engine.federated.private.secrecy import obstacle, opened
from engine.federated.robustness.adversary import crafted
from engine.federated.robustness.trust import trusted_update
from engine.federated.rounds.messages import combined_mean, grouped
from engine.federated.rounds.outgoing import packing_of
from engine.federated.rounds.route import route_of
from engine.federated.strategy import Combined, Groups
from engine.privacy.mechanism import Mechanism
from engine.task.contract import Context, State
from engine.task.layout import part

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
    mean = _mean(task, context, state, (server, clients))
    if mean is None:
        return server
    weight: Any = state.values["weight"]
    return task.strategy.server_step(Combined(mean, weight, len(clients), num_clients), server)


def shortfall(task: "Federated", num_updates: int) -> str:
    """Why so few updates leave the model as it is, in words for the log; empty if they do not."""
    least = task.aggregator.least_updates
    if not num_updates or num_updates >= least:
        return ""
    return f"{num_updates} updates arrived, {kind_of(type(task.aggregator))} needs {least}: the model stays as it is"


def _mean(task: "Federated", context: Context, state: State, ends: tuple[Groups, np.ndarray]) -> Groups | None:
    """The one update that stands for all; None if there is nothing to make it of.

    Args:
        task: the task.
        context: fleet and seed.
        state: the state with the sum or the rows.
        ends: groups that sent the message down, and ids of those who answered.
    """
    _, clients = ends
    if task.secure_aggregation is not None:
        return _of_masked(task, context, state)
    if task.privacy is not None and task.privacy.noises_sum:
        summed = grouped(SUM, state.tensors)
        return _released(
            task.privacy, task, context, state, packing_of(task, context).vector(summed) if summed else None
        )
    weight: Any = state.values["weight"]
    if not len(clients) or weight == 0.0 or shortfall(task, len(clients)):
        return None
    if route_of(task).keeps_rows:
        packing = packing_of(task, context)
        return packing.groups(task.aggregator.combine(_rows(task, context, state, ends)))
    return combined_mean(grouped(SUM, state.tensors), weight)


def _of_masked(task: "Federated", context: Context, state: State) -> Groups | None:
    """The mean from the sum of masked updates; None if that cannot be opened, or nobody has a weight."""
    if obstacle(task, context, state):
        return None
    found, packing = opened(task, context, state), packing_of(task, context)
    vector = None if found is None else found.summed.astype(packing.dtype)
    if task.privacy is not None and task.privacy.noises_sum:
        return _released(task.privacy, task, context, state, vector)
    if found is None or found.weight == 0.0:
        return None
    return packing.groups((found.summed / found.weight).astype(packing.dtype))


def _released(
    mechanism: Mechanism, task: "Federated", context: Context, state: State, summed: np.ndarray | None
) -> Groups:
    """The noisy mean of a trusted server; also of no update at all (None), for its absence would tell."""
    packing, book = packing_of(task, context), state.values[BOOK]
    assert isinstance(book, Mapping)
    vector = np.zeros(packing.size, packing.dtype) if summed is None else summed
    draw = context.stream("privacy-noise", rounds_done(state) + 1)
    return packing.groups(mechanism.release(vector, book, task.sampler.cohort_size(context.fleet.num_devices), draw))


def _rows(task: "Federated", context: Context, state: State, ends: tuple[Groups, np.ndarray]) -> Rows:
    """The updates as the server gets them, malicious ones included; arguments as of :func:`_mean`."""
    server, clients = ends
    number = rounds_done(state) + 1
    found = part(ROWS, state.tensors)
    places = sorted({int(name.partition("/")[0]) for name in found})
    values, weights = (np.concatenate([found[f"{place}/{name}"] for place in places]) for name in ("values", "weights"))
    if task.attack is not None:
        values = crafted(task.attack, context, number, clients, values)
    trusted = None
    if task.aggregator.needs_trusted:
        down = grouped(DOWN, state.tensors) or message_down(task, context, server)
        update = trusted_update(task, context, number, down, task.aggregator.trusted_samples)
        trusted = packing_of(task, context).vector(update)
    return Rows(values, weights, trusted)
