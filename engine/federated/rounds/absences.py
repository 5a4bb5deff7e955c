"""Who is away when a round opens, as its log tells it."""

import numpy as np
from numpy.typing import NDArray

from engine.core.json import JsonValue
from engine.fleet.fleet import Fleet

MOST_RANGES = 1000
"""Ranges of absent devices in the log of one round; more are cut off, and their number stands."""

EMPTY = "battery"
"""Why devices without energy are away."""

Mask = NDArray[np.bool_]


def absent_of(fleet: Fleet, reachable: Mask | None, has_charge: Mask | None = None) -> dict[str, JsonValue]:
    """The devices that cannot take part, for the log of a round.

    Args:
        fleet: the devices.
        reachable: (N,) which can be reached; None if always all of them.
        has_charge: (N,) which have energy; None if all do.

    Returns:
        ``absent``: by the kind of availability, or ``battery``, the first and last id of each run of neighbors, at most
        a thousand in all; ``num_absent``: how many devices. Nothing where all can always take part.
    """
    if reachable is None and has_charge is None:
        return {}
    here = np.ones(fleet.num_devices, dtype=np.bool_) if reachable is None else reachable
    charged = np.ones(fleet.num_devices, dtype=np.bool_) if has_charge is None else has_charge
    bounds = list(zip(fleet.starts[:-1].tolist(), fleet.starts[1:].tolist(), strict=True))
    away = [(rule.kind, start, ~here[start:end]) for rule, (start, end) in zip(fleet.rules, bounds, strict=True)]
    ranges: dict[str, list[JsonValue]] = {}
    room = MOST_RANGES
    for reason, start, mask in [*away, (EMPTY, 0, here & ~charged)]:
        steps = np.diff(np.concatenate([[0], mask, [0]]).astype(np.int8))
        borders = np.flatnonzero(steps)[: 2 * room].reshape(-1, 2)
        if len(borders):
            ranges.setdefault(reason, []).extend((borders + np.array([start, start - 1])).tolist())
        room -= len(borders)
    absent: dict[str, JsonValue] = dict(ranges)
    return {"absent": absent, "num_absent": int((~here | ~charged).sum())}
