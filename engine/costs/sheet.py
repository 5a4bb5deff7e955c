"""The sheet of a cost: totals, where they went, and how long rounds took, as plain data for pages and the API."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.costs.model import Cost
from engine.network.network import Network

MOST_POINTS = 400
"""Stretches of rounds in a sheet; more rounds are summed up."""

BACKHAUL = "backhaul"
"""Stands among the groups of the link between gateways and server."""

OWN = "own connections"
"""Stands there for a link that only connections use that name it themselves."""

Sheet = dict[str, Any]


def sheet_of(cost: Cost, network: Network, *, points: int = MOST_POINTS) -> Sheet:
    """The sheet of a cost.

    Args:
        cost: of a trace that has each round written down.
        network: on which.
        points: most entries of the times of rounds.

    Returns:
        ``totals``; ``groups``: seconds, joules and bytes by group and phase; ``links``: seconds on air, joules and
        bytes on the wire by link and direction, with the groups that each link ``serves`` (``backhaul`` among them);
        ``rounds``: see :func:`round_times`; after a Monte Carlo ``spread``: percentiles of rounds and messages.
    """
    groups, links, serves = [], [], serves_of(network)
    for row in cost.ledger.by_group():
        owner, _, name = row["owner"].partition(":")
        if owner == "group":
            groups.append({key: value for key, value in row.items() if key != "owner"})
        else:
            links.append(_link_row(name, row) | {"serves": serves.get(name, [])})
    return {
        "totals": cost.ledger.totals(),
        "groups": groups,
        "links": links,
        "rounds": round_times(cost, points=points),
        **({} if cost.spread is None else {"spread": cost.spread.quantiles()}),
    }


def round_times(cost: Cost, *, points: int = MOST_POINTS) -> dict[str, Any]:
    """How long rounds took.

    Returns:
        ``num_rounds``, ``median_s``, ``p95_s`` and ``max_s`` over all rounds, and the course of them: ``first`` (number
        of the first round of each stretch, from 1), ``mean_s`` and ``longest_s`` of the stretch.
    """
    times = cost.round_s
    if not len(times):
        return {
            "num_rounds": 0,
            "median_s": 0.0,
            "p95_s": 0.0,
            "max_s": 0.0,
            "first": [],
            "mean_s": [],
            "longest_s": [],
        }
    starts = stretches(len(times), points)
    widths = np.diff(np.append(starts, len(times)))
    return {
        "num_rounds": len(times),
        "median_s": float(np.median(times)),
        "p95_s": float(np.percentile(times, 95)),
        "max_s": float(times.max()),
        "first": (starts + 1).tolist(),
        "mean_s": (np.add.reduceat(times, starts) / widths).tolist(),
        "longest_s": np.maximum.reduceat(times, starts).tolist(),
    }


def stretches(num_rounds: int, points: int) -> NDArray[np.int64]:
    """Where at most so many stretches of about equally many rounds begin."""
    return np.unique(np.linspace(0, num_rounds, min(points, num_rounds), endpoint=False).astype(np.int64))


def serves_of(network: Network) -> dict[str, list[str]]:
    """The groups that reach their next hop by each link, and the backhaul."""
    table = network.table
    found: dict[str, list[str]] = {}
    for group, place in zip(network.counts, table.of_group, strict=True):
        found.setdefault(table.names[place], []).append(group)
    if table.backhaul >= 0:
        found.setdefault(table.names[table.backhaul], []).append(BACKHAUL)
    for name in table.names:
        found.setdefault(name, [OWN])
    return found


def _link_row(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "link": name,
        "direction": row["phase"],
        "time_s": row["time_s"],
        "energy_j": row["energy_j"],
        "wire_bytes": row["bytes_up"] + row["bytes_down"],
    }
