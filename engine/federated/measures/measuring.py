"""What is measured when a round ends: the model on held-out samples, and what clients reported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engine.federated.layout import graph_of, population_of
from engine.federated.measures.fairness import client_accuracy, measured_clients, spread_of
from engine.federated.robustness.adversary import attack_metrics
from engine.federated.rounds.drifting import measured_splits
from engine.federated.strategy import Groups
from engine.task.contract import Context
from engine.training.divergence import activation_divergence

if TYPE_CHECKING:
    from engine.federated.task import Federated


def is_metered(task: "Federated", number: int) -> bool:
    """Whether the activations of a round's clients are measured."""
    return task.evaluation.divergence and is_evaluated(task, number)


def is_evaluated(task: "Federated", number: int) -> bool:
    """Whether the model is measured after a round."""
    return number % task.evaluation.every_rounds == 0 or number == task.rounds


@dataclass(frozen=True)
class Measured:
    """What was measured of a round.

    Attributes:
        metrics: values by name.
        clients: ids of the clients on whose own samples the model was measured; empty where it was not.
        accuracy: its accuracy on each one's samples.
    """

    metrics: dict[str, float]
    clients: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    accuracy: np.ndarray = field(default_factory=lambda: np.zeros(0))


def measured(
    task: "Federated", context: Context, number: int, server: Groups, columns: dict[str, np.ndarray]
) -> Measured:
    """The round's metrics; those of an evaluation only in rounds that have one.

    Args:
        task: the task.
        context: data and seed.
        number: the round, from 1.
        server: the server's groups after it.
        columns: what the clients reported.
    """
    metrics: dict[str, float] = {}
    if "loss" in columns:
        metrics["train_loss"] = float(np.average(columns["loss"], weights=columns["samples"]))
    if "activations" in columns:
        metrics["divergence"] = activation_divergence(columns["activations"])
    if not is_evaluated(task, number):
        return Measured(metrics)
    metrics |= held_out(task, context, number, server["weights"])
    if not task.evaluation.fairness:
        return Measured(metrics)
    accuracy = client_accuracy(task, context, number, server["weights"])
    return Measured(metrics | spread_of(accuracy), measured_clients(task, context), accuracy)


def held_out(task: "Federated", context: Context, number: int, weights: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Accuracy and loss of a model on the held-out samples as they are in a round, and how far an attack got."""
    from engine.training.evaluation import evaluate, module_for

    module = module_for(graph_of(task, context), context.cache)
    found = {"accuracy": 0.0, "loss": 0.0}
    for split, share in measured_splits(task.drift, context, number, population_of(task, context).test()):
        score = evaluate(module, weights, split.x, split.y)
        found["accuracy"] += share * score.accuracy
        found["loss"] += share * score.loss
    if task.attack is not None:
        found |= attack_metrics(task.attack, context, task.dataset, (module, weights))
    return found
