"""How well each client is served by the model that it would use for itself, on samples that it never trained on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.federated.gossip.peers import model_of
from engine.federated.layout import CLIENT, graph_of, population_of
from engine.federated.measures.measuring import is_evaluated
from engine.federated.robustness.adversary import is_malicious
from engine.federated.rounds.holdings import held_out_samples, own_samples
from engine.federated.rounds.messages import grouped
from engine.federated.strategy import Groups, Strategy
from engine.task.contract import Context
from engine.task.state import Tensors
from engine.training.local import OWN, defines

if TYPE_CHECKING:
    from engine.federated.task import Federated
    from engine.training.block import Samples

MOST_PERSONAL = 100
"""Clients that are measured at most; of a larger fleet as many are drawn once for the run."""


def personal_metrics(
    task: "Federated", context: Context, number: int, server: Groups, states: Mapping[int, Tensors]
) -> dict[str, float]:
    """The mean accuracy of clients' own models on their own held-out samples, in evaluated rounds that ask for it.

    A strategy that keeps layers or a model on the clients is measured on those of the drawn clients that have taken
    part; nothing is told before one has. Devices that gossip use their own models, as far as they have one. Malicious
    clients are left out.

    Args:
        task: the task.
        context: data and seed.
        number: the round, from 1.
        server: the server's groups after it.
        states: what clients keep.
    """
    if not task.evaluation.personalized or not is_evaluated(task, number):
        return {}
    clients = _measured_clients(task, context)
    if any(defines(task.strategy, hook) for hook in ("is_shared", "personal_pass")):
        clients = [client for client in clients if client in states]
    found = []
    for client in clients:
        samples = held_out_samples(task, context, number, client)
        if samples is not None:
            mine = states.get(client, {})
            at_hand = {**server, "weights": model_of(mine, server["weights"])}
            models = own_models(task.strategy, at_hand, grouped(CLIENT, mine))
            found.append(_accuracy(task, context, number, (client, models, samples)))
    return {"personal_accuracy": float(np.mean(found))} if found else {}


def own_models(strategy: Strategy, server: Groups, kept: Groups) -> Sequence[Mapping[str, np.ndarray]]:
    """The models of which a client takes the best on its training samples, each with the layers that it keeps."""
    own = kept.get(OWN, {})
    return [{**model, **own} for model in strategy.personal_models(server, kept)]


def _measured_clients(task: "Federated", context: Context) -> list[int]:
    if "personal" not in context.cache:
        ids = np.arange(context.fleet.num_devices)
        held = ids[population_of(task, context).num_samples(ids) > 0]
        if task.attack is not None:
            held = held[~is_malicious(task.attack, context, held)]
        size = min(MOST_PERSONAL, len(held))
        drawn = context.stream("personal").choice(held, size, replace=False, shuffle=False)
        context.cache["personal"] = np.sort(drawn).tolist()
    clients: list[int] = context.cache["personal"]
    return clients


def _accuracy(
    task: "Federated",
    context: Context,
    number: int,
    what: tuple[int, Sequence[Mapping[str, np.ndarray]], "Samples"],
) -> float:
    """The accuracy of a client's best model on its held-out samples."""
    from engine.training.arrays import as_tensor, as_tensors
    from engine.training.evaluation import accuracies, mean_losses, module_for

    client, models, held_out = what
    module, best = module_for(graph_of(task, context), context.cache), models[0]
    dtype = next(iter(best.values())).dtype
    if len(models) > 1:
        mine = own_samples(task, context, number, [client])
        x, y = as_tensor(mine.x, dtype), as_tensor(mine.y)
        losses = [mean_losses(module, as_tensors(model), x, y, mine.places)[0] for model in models]
        best = models[int(np.argmin(losses))]
    x, y = as_tensor(held_out.x, dtype), as_tensor(held_out.y)
    return float(accuracies(module, as_tensors(best), x, y, held_out.places)[0])
