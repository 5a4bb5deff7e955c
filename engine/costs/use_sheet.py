"""The sheet of a network's use: bytes and busy share of each link over the rounds, as plain data."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.costs.model import Cost
from engine.costs.sheet import MOST_POINTS, serves_of, stretches
from engine.costs.trace import Trace
from engine.costs.usage import LinkUse, by_link, usage_of
from engine.network.network import Network

UseSheet = dict[str, Any]


def use_sheet_of(trace: Trace, network: Network, cost: Cost, *, points: int = MOST_POINTS) -> UseSheet:
    """How the links of a network were used.

    Args:
        trace: the messages.
        network: which they crossed.
        cost: of the trace on this network.
        points: most entries of a course.

    Returns:
        ``num_rounds``; ``first``: number of the first round of each stretch, from 1; ``links``: for each its name, what
        it serves, how many connections carried anything, bytes and seconds on air by direction over all rounds, and the
        course of ``up_bytes`` and ``down_bytes`` (mean of a round) and ``busiest`` (greatest share of a round during
        which its busiest channel was on air).
    """
    starts = stretches(trace.num_rounds, points)
    used = by_link(usage_of(trace, network), cost.round_s, len(network.links))
    serves = serves_of(network)
    return {
        "num_rounds": trace.num_rounds,
        "first": (starts + 1).tolist(),
        "links": [
            {
                "link": name,
                "title": link.name,
                "serves": serves.get(name, []),
                "is_shared": link.shared_medium,
                **_row(use, starts, cost.round_s),
            }
            for name, link, use in zip(network.table.names, network.links, used, strict=True)
        ],
    }


def _row(use: LinkUse, starts: NDArray[np.int64], round_s: NDArray[np.float64]) -> dict[str, Any]:
    widths = np.diff(np.append(starts, len(round_s)))
    course = np.add.reduceat(use.wire_bytes, starts) / widths[:, None] if len(starts) else np.zeros((0, 2))
    whole = float(round_s.sum())
    return {
        "num_connections": use.num_connections,
        "payload_bytes": use.payload_bytes.sum(axis=0).tolist(),
        "wire_bytes": use.wire_bytes.sum(axis=0).tolist(),
        "air_s": use.air_s.sum(axis=0).tolist(),
        "mean_busiest": float((use.busiest * round_s).sum() / whole) if whole > 0 else 0.0,
        "most_busiest": float(use.busiest.max(initial=0.0)),
        "up_bytes": course[:, 0].tolist(),
        "down_bytes": course[:, 1].tolist(),
        "busiest": np.maximum.reduceat(use.busiest, starts).tolist() if len(starts) else [],
    }
