"""Who masks with whom in a secure sum."""

from collections.abc import Sequence

from engine.core.streams import stream

SMALLEST_COHORT = 3
"""Clients of a secure sum at least: of a sum of two, each knows the other's part."""

Neighbors = dict[int, tuple[int, ...]]
"""Neighbors of each client, ascending."""


def neighbors_of(clients: Sequence[int], degree: int | None, seed: int, round_number: int) -> Neighbors:
    """Everybody with everybody, or a random ring in which each client knows the nearest ``degree / 2`` on either side.

    Source: Bell, Bonawitz, Gascón, Lepoint, Raykova, Secure Single-Server Aggregation with (Poly)Logarithmic Overhead,
    CCS 2020, Algorithm 1 (a Harary graph with randomly permuted nodes).

    Args:
        clients: ids of those who take part.
        degree: even number of neighbors; None, or as many as there are others, for all.
        seed: seed of the run.
        round_number: the round; every round has its own ring.
    """
    count = len(clients)
    if degree is None or degree >= count - 1:
        return {client: tuple(sorted(set(clients) - {client})) for client in clients}
    ring = stream(seed, "secure-neighbors", round_number).permutation(sorted(clients)).tolist()
    offsets = [step for near in range(1, degree // 2 + 1) for step in (near, -near)]
    return {
        client: tuple(sorted(ring[(place + offset) % count] for offset in offsets)) for place, client in enumerate(ring)
    }
