"""Bits for each layer under a budget: the allocation that loses least, where losses of layers add up."""

from collections.abc import Sequence

import numpy as np

MOST_POINTS = 4096
"""Allocations that are kept from layer to layer at most; of more, the best in each equal step of the cost."""


def allocated(costs: np.ndarray, losses: np.ndarray, budget: int) -> Sequence[int]:
    """The choice of each layer with the least sum of losses among those whose costs sum up to no more than the budget.

    From layer to layer only allocations are kept that no other one beats in both sums, the Pareto frontier; it is exact
    until the frontier has more than :data:`MOST_POINTS`.

    Source: Y. Cai et al., ZeroQ, CVPR 2020, section 3.3.

    Args:
        costs: (L, K) whole numbers, of each layer's choices.
        losses: (L, K) likewise.
        budget: largest sum of costs; the cheapest allocation keeps to it.

    Raises:
        ValueError: no allocation keeps to the budget.
    """
    cheapest = np.append(np.cumsum(costs.min(axis=1)[::-1])[::-1], 0)
    cost, loss = np.zeros(1, dtype=np.int64), np.zeros(1)
    chosen: list[tuple[np.ndarray, np.ndarray]] = []
    for layer, (own_costs, own_losses) in enumerate(zip(costs, losses, strict=True)):
        cost = (cost[:, np.newaxis] + own_costs).ravel()
        loss = (loss[:, np.newaxis] + own_losses).ravel()
        kept = _frontier(cost, loss, budget - int(cheapest[layer + 1]))
        if not len(kept):
            raise ValueError(f"the cheapest allocation costs {int(cheapest[0])}, more than {budget}")
        chosen.append(np.divmod(kept, len(own_costs)))
        cost, loss = cost[kept], loss[kept]
    place, found = len(cost) - 1, []  # the last point of a frontier costs most and loses least
    for origins, choices in reversed(chosen):
        found.append(int(choices[place]))
        place = int(origins[place])
    return found[::-1]


def _frontier(cost: np.ndarray, loss: np.ndarray, most: int) -> np.ndarray:
    """Places of the points that cost no more than that and that no other point beats, by rising cost."""
    order = np.lexsort((loss, cost))
    order = order[cost[order] <= most]
    before = np.minimum.accumulate(np.append(np.inf, loss[order]))[:-1]
    order = order[loss[order] < before]
    if len(order) <= MOST_POINTS:
        return order
    step = (cost[order] - cost[order[0]]) * MOST_POINTS // (int(cost[order[-1]] - cost[order[0]]) + 1)
    return np.asarray(order[np.append(np.diff(step) > 0, True)])
