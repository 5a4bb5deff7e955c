"""The cohort of a round: a function of spec, seed, fleet and round, the same whatever the strategy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from engine.federated.sampler import Candidates
from engine.fleet.availability import Moment
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.federated.task import Federated


FIRST_WAIT_S, LONGEST_WAIT_S, GROWTH = 60.0, 3600.0, 1.5
"""The server asks again after a minute, then after ever longer spells, at most every hour."""

GIVE_UP_S = 30 * 86_400.0
"""After a month in which nobody could be reached the round takes place without anybody."""


def draw_cohort(
    task: "Federated",
    context: Context,
    round_number: int,
    *,
    time_s: float = 0.0,
    has_charge: np.ndarray | None = None,
) -> np.ndarray:
    """Ids of the clients that the sampler chooses in a round, ascending; empty if no device can be reached.

    Args:
        task: the task.
        context: fleet and seed.
        round_number: the round, from 1.
        time_s: simulated time at its start; read only where the fleet goes by it.
        has_charge: (N,) which devices have energy; None if all have.
    """
    able = reachable(context, Moment(round_number, time_s))
    clients = np.flatnonzero(able if has_charge is None else able & has_charge)
    draw = context.stream("cohort", round_number)
    return task.sampler.sample(Candidates(round_number, clients), draw)


def reachable(context: Context, moment: Moment) -> np.ndarray:
    """(N,) which devices can be reached."""
    fleet = context.fleet
    if fleet.is_always_reachable:
        return np.ones(fleet.num_devices, dtype=np.bool_)
    return fleet.reachable(moment, context.seed)


def pauses() -> Iterator[float]:
    """Seconds between one asking and the next, until the server gives up."""
    waited, pause = 0.0, FIRST_WAIT_S
    while waited < GIVE_UP_S:
        yield pause
        waited, pause = waited + pause, min(LONGEST_WAIT_S, GROWTH * pause)


def waiting_s(context: Context, moment: Moment) -> float:
    """How long the server waits from a moment on until somebody can be reached."""
    waited = 0.0
    for pause in pauses():
        if reachable(context, Moment(moment.round_number, moment.time_s + waited)).any():
            break
        waited += pause
    return waited
