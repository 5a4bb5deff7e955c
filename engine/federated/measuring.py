"""What is measured when a round ends: the model on held-out samples, and what clients reported."""

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.federated.adversary import attack_metrics
from engine.federated.layout import graph_of, population_of
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


def measured(
    task: "Federated", context: Context, number: int, server: Groups, columns: dict[str, np.ndarray]
) -> dict[str, float]:
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
    return metrics | (_evaluated(task, context, server) if is_evaluated(task, number) else {})


def _evaluated(task: "Federated", context: Context, server: Groups) -> dict[str, float]:
    from engine.training.evaluation import evaluate, module_for

    test: Any = population_of(task, context).test()
    module = module_for(graph_of(task, context), context.cache)
    score = evaluate(module, server["weights"], test.x, test.y)
    found = {"accuracy": score.accuracy, "loss": score.loss}
    if task.attack is not None:
        found |= attack_metrics(task.attack, context, task.dataset, (module, server["weights"]))
    return found
