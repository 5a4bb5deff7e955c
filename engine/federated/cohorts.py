"""The cohort of a round: a function of spec, seed, fleet and round, the same whatever the strategy."""

from typing import TYPE_CHECKING

import numpy as np

from engine.federated.sampler import Candidates
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.federated.task import Federated


def draw_cohort(task: "Federated", context: Context, round_number: int) -> np.ndarray:
    """Ids of the clients that the sampler chooses in a round, ascending; empty if no device can be reached."""
    fleet = context.fleet
    clients = np.arange(fleet.num_devices, dtype=np.int64)
    if not fleet.is_always_reachable:
        clients = clients[fleet.reachable(round_number, context.seed)]
    draw = context.stream("cohort", round_number)
    return task.sampler.sample(Candidates(round_number, clients), draw)
