"""The cohort of a round: a function of spec, seed, fleet and round, the same whatever the strategy."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.core.json import JsonValue
from engine.federated.sampler import Candidates
from engine.fleet.fleet import Fleet
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


MOST_RANGES = 1000
"""Ranges of absent devices in the log of one round; more are cut off, and their number stands."""


def absent_of(fleet: Fleet, reachable: NDArray[np.bool_] | None) -> dict[str, JsonValue]:
    """The devices that cannot be reached, for the log of a round.

    Args:
        fleet: the devices.
        reachable: (N,) which can be reached; None if always all of them.

    Returns:
        ``absent``: by the kind of availability the first and last id of each run of neighbors, at most a thousand in
        all; ``num_absent``: how many devices. Nothing where all can always be reached.
    """
    if reachable is None:
        return {}
    ranges: dict[str, list[JsonValue]] = {}
    room = MOST_RANGES
    for rule, start, end in zip(fleet.rules, fleet.starts[:-1].tolist(), fleet.starts[1:].tolist(), strict=True):
        steps = np.diff(np.concatenate([[0], ~reachable[start:end], [0]]).astype(np.int8))
        borders = np.flatnonzero(steps)[: 2 * room].reshape(-1, 2)
        if len(borders):
            ranges.setdefault(rule.kind, []).extend((borders + np.array([start, start - 1])).tolist())
        room -= len(borders)
    absent: dict[str, JsonValue] = dict(ranges)
    return {"absent": absent, "num_absent": int((~reachable).sum())}
