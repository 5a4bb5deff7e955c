"""What clients hold in a round: their own samples as they are then, and what malicious ones make of theirs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.federated.layout import population_of
from engine.federated.robustness.adversary import poisoned
from engine.federated.rounds.drifting import drifted
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.federated.task import Federated
    from engine.training.block import Samples


def own_samples(task: "Federated", context: Context, number: int, clients: Sequence[int]) -> "Samples":
    """The samples of some clients in a round, rounds counted from 1."""
    samples = population_of(task, context).samples(clients)
    return samples if task.drift is None else drifted(task.drift, context, number, clients, samples)


def held_out_samples(task: "Federated", context: Context, number: int, client: int) -> "Samples | None":
    """The samples of a client that it does not train on, as they are in a round; None if it has none."""
    from engine.training.block import Samples

    split = population_of(task, context).held_out(client)
    if split is None:
        return None
    samples = Samples(split.x, split.y, [np.arange(len(split))])
    return samples if task.drift is None else drifted(task.drift, context, number, [client], samples)


def training_samples(task: "Federated", context: Context, number: int, clients: Sequence[int]) -> "Samples":
    """The samples on which some clients train in a round."""
    samples = own_samples(task, context, number, clients)
    return samples if task.attack is None else poisoned(task.attack, context, task.dataset, clients, samples)
