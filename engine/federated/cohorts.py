"""The cohort of a round: a function of spec, seed, fleet and round, the same whatever the strategy."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.federated.sampler import Candidates
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.federated.task import Federated


def draw_cohort(task: "Federated", context: Context, round_number: int) -> np.ndarray:
    """Ids of the clients that the sampler chooses in a round, ascending; empty if no device can be reached."""
    clients = np.arange(context.fleet.num_devices, dtype=np.int64)
    reachable = reachable_in(context, round_number)
    if reachable is not None:
        clients = clients[reachable]
    draw = context.stream("cohort", round_number)
    return task.sampler.sample(Candidates(round_number, clients), draw)


def reachable_in(context: Context, round_number: int) -> NDArray[np.bool_] | None:
    """(N,) which devices can be reached in a round; None if always all of them."""
    fleet = context.fleet
    return None if fleet.is_always_reachable else fleet.reachable(round_number, context.seed)
