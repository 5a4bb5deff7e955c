"""What no placement is below, found without a search: for plans whose distance from the best nobody proved."""

import numpy as np

from engine.inference.plans.prices import Floats
from engine.inference.plans.problem import PlacementProblem


def least_value(problem: PlacementProblem) -> float:
    """A value of the objective that no placement is below, of a few passes over the prices.

    Each piece has the node that is best for it alone, or all nodes share the work of all pieces evenly; of latency,
    the longest path on which each piece may stand on several nodes at once.
    """
    prices, count = problem.prices, problem.prices.num_nodes
    match problem.objective:
        case "latency":
            return _longest_path(problem)
        case "throughput":
            return _shared(_cheapest(problem, prices.stream_s), count)
        case "energy_per_node":
            return _shared(_cheapest(problem, prices.compute_j), count)
        case "energy_total":
            return float(_cheapest(problem, prices.compute_j).sum())
        case "memory":
            pieces = problem.pieces
            largest = max((piece.peak_bytes for piece in pieces.pieces), default=0)
            return max(float(largest), pieces.parameter_bytes / count)


def _cheapest(problem: PlacementProblem, price: Floats) -> Floats:
    """(P,) the least price of each piece on the nodes on which it may be; infinite if there are none."""
    least = np.full(problem.num_pieces, np.inf)
    for piece in range(problem.num_pieces):
        if allowed := list(problem.allowed(piece)):
            least[piece] = price[piece, allowed].min()
    return least


def _shared(each: Floats, count: int) -> float:
    """The busiest node has at least the largest piece, and its share of all."""
    return float(max(each.max(initial=0.0), each.sum() / count))


def _longest_path(problem: PlacementProblem) -> float:
    """When the answer may be there at the earliest; exact for chains on nodes without limits."""
    prices, last = problem.prices, problem.num_pieces
    ready = np.zeros((last + 1, prices.num_nodes))
    for number, (source, target) in sorted(enumerate(problem.pieces.ends), key=lambda item: item[1][1]):
        way = prices.message_s[number]
        if source < 0:
            arrival = way[problem.source]
        else:
            arrival = (_end(problem, ready[source], source)[:, None] + way).min(axis=0)
        ready[target] = np.maximum(ready[target], arrival)
    return float(ready[last, problem.sink])


def _end(problem: PlacementProblem, ready: Floats, piece: int) -> Floats:
    """(N,) when a piece may end on each node; never where it may not be."""
    end = np.full(len(ready), np.inf)
    allowed = list(problem.allowed(piece))
    end[allowed] = ready[allowed] + problem.prices.compute_s[piece, allowed]
    return end
