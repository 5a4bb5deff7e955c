"""How unlike clients are served by one model: its accuracy on the samples of each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.federated.layout import graph_of, population_of
from engine.federated.rounds.holdings import own_samples
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.federated.task import Federated

MOST_MEASURED = 200
"""Clients that are measured at most; of a larger fleet as many are drawn once for the run."""

CLIENTS_AT_ONCE = 20
"""Clients whose samples are gathered at once, so that memory does not grow with their number."""


def measured_clients(task: "Federated", context: Context) -> np.ndarray:
    """Ids of the clients that are measured in every evaluation, ascending; those without samples are left out."""
    if "measured" not in context.cache:
        ids = np.arange(context.fleet.num_devices)
        held = ids[population_of(task, context).num_samples(ids) > 0]
        size = min(MOST_MEASURED, len(held))
        context.cache["measured"] = np.sort(context.stream("fairness").choice(held, size, replace=False, shuffle=False))
    found: np.ndarray = context.cache["measured"]
    return found


def client_accuracy(task: "Federated", context: Context, number: int, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """The accuracy of a model on the own samples of each measured client, as they are in a round.

    Args:
        task: the task.
        context: data and seed.
        number: the round, from 1.
        weights: weights and buffers of the model by name.
    """
    from engine.training.arrays import as_tensor, as_tensors
    from engine.training.evaluation import accuracies, module_for

    module, found = module_for(graph_of(task, context), context.cache), []
    clients, dtype = measured_clients(task, context), next(iter(weights.values())).dtype
    for first in range(0, len(clients), CLIENTS_AT_ONCE):
        held = own_samples(task, context, number, clients[first : first + CLIENTS_AT_ONCE].tolist())
        found.append(accuracies(module, as_tensors(weights), as_tensor(held.x, dtype), as_tensor(held.y), held.places))
    return np.concatenate(found)


def spread_of(accuracy: np.ndarray) -> dict[str, float]:
    """How accuracies (C,) of clients are spread: the mean of the worst tenth, and the standard deviation of all.

    Source: T. Li et al., Fair Resource Allocation in Federated Learning, ICLR 2020, section 4.2.
    """
    worst = np.sort(accuracy)[: max(1, len(accuracy) // 10)]
    return {"accuracy_worst10": float(worst.mean()), "accuracy_std_clients": float(accuracy.std())}
