"""Nodes that are alike: a placement costs the same whichever of them has which pieces, so one order of them is enough.

Source: Margot, Symmetry in integer linear programming, 50 Years of Integer Programming, 2010, section 17.7.
"""

import numpy as np

from engine.inference.plans.prices import Floats
from engine.inference.plans.problem import PlacementProblem

ROUNDING = 1e-9
"""Relative difference up to which two prices are the same: sums of the same delays in another order."""


def alike(problem: PlacementProblem) -> list[list[int]]:
    """Nodes in classes of which any two may change places and no price changes; source and sink are alone."""
    classes: list[list[int]] = []
    for node in range(problem.prices.num_nodes):
        is_end = node in (problem.source, problem.sink)
        fitting = None if is_end else next((one for one in classes if _may_change(problem, one[0], node)), None)
        if fitting is None:
            classes.append([node])
        else:
            fitting.append(node)
    return classes


def choices(problem: PlacementProblem) -> list[list[int]]:
    """The nodes to choose from for each piece, so that of placements that differ only in the names of nodes that are
    alike one is left: the one in which these get their first pieces in the order of their numbers.

    The k-th of them gets its first piece after k others got theirs, so that it is none of the first k pieces.
    """
    before = {}
    for members in alike(problem):
        before.update({node: place for place, node in enumerate(members)})
    seen, found = dict.fromkeys(before, 0), []
    for piece in range(problem.num_pieces):
        allowed = problem.allowed(piece)
        found.append([node for node in allowed if before[node] <= seen[node]])
        for node in allowed:
            seen[node] += 1
    return found


def _may_change(problem: PlacementProblem, one: int, other: int) -> bool:
    """Whether two nodes may change places."""
    prices, limit = problem.prices, problem.energy_limit_j
    nodes = (prices.compute_s, prices.stream_s, prices.compute_j, prices.memory_bytes[None], limit[None])
    if one in (problem.source, problem.sink) or not all(_equal(row[:, one], row[:, other]) for row in nodes):
        return False
    ways = (prices.message_s, prices.occupied_s, prices.sender_j, prices.receiver_j)
    pair, order = [one, other], np.arange(prices.num_nodes)
    order[pair] = other, one
    return all(
        _equal(way[:, pair], way[:, order[pair]][:, :, order])
        and _equal(way[:, :, pair], way[:, order][:, :, order[pair]])
        for way in ways
    )


def _equal(some: Floats, others: Floats) -> bool:
    """Whether prices are the same but for rounding."""
    return np.allclose(some, others, rtol=ROUNDING, atol=0)
