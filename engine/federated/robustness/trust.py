"""The update that the server trains itself, on a few samples of its own: the yardstick of FLTrust."""

from typing import TYPE_CHECKING

import numpy as np

from engine.federated.layout import graph_of, population_of
from engine.federated.strategy import Groups
from engine.task.contract import Context
from engine.training.plans import Plan

if TYPE_CHECKING:
    from engine.federated.task import Federated
    from engine.training.block import Samples

SERVER_CLIENT = -1
"""The id under which the server trains: its batches come from a stream that no client has."""

PLAN = Plan("per_client", clients_per_block=1, gram_steps=0, forms_weights=True, reason="the server alone")
"""How the server trains, whatever the plan of the clients."""


def root_samples(task: "Federated", context: Context, count: int) -> "Samples":
    """The server's own samples, kept by the process: so many of all clients' samples, or all if there are fewer.

    Drawn once for the run, each equally likely, whoever holds them.
    """
    from engine.training.block import Samples

    if "root" not in context.cache:
        population = population_of(task, context)
        ends = np.cumsum(population.sizes)
        wanted = min(count, int(ends[-1]))
        picks = np.sort(context.stream("root").choice(int(ends[-1]), size=wanted, replace=False, shuffle=False))
        parts = np.searchsorted(ends, picks, side="right")
        inside = picks - (ends - population.sizes)[parts]
        holders, first = np.unique(parts, return_index=True)
        held = population.samples(holders.tolist())
        chosen = zip(held.places, np.split(inside, first[1:]), strict=True)
        rows = np.concatenate([places[here] for places, here in chosen])
        context.cache["root"] = Samples(held.x[rows], held.y[rows], [np.arange(wanted)])
    kept: Samples = context.cache["root"]
    return kept


def trusted_update(task: "Federated", context: Context, number: int, down: Groups, count: int) -> Groups:
    """What the server would send if it were a client of the round: local training on its own samples.

    Args:
        task: model, strategy and local settings.
        context: data and seed.
        number: the round, from 1.
        down: the message that the round's clients got.
        count: how many samples the server has.
    """
    from engine.training.block import BlockJob, train_block

    fresh = task.strategy.init_client(down["weights"])
    outcome = train_block(
        BlockJob(
            graph=graph_of(task, context), plan=PLAN, rule=task.strategy, settings=task.local, augment=task.augment,
            seed=context.seed, round_number=number, clients=(SERVER_CLIENT,), cache=context.cache,
            samples=root_samples(task, context, count), down=down,
            states={} if fresh is None else {SERVER_CLIENT: fresh},
        )
    )  # fmt: skip
    return {
        group: {name: np.asarray(array / array.dtype.type(outcome.weight)) for name, array in arrays.items()}
        for group, arrays in outcome.summed.items()
    }
