"""FedDyn on a quadratic of one weight and two clients, computed by hand (Acar et al. 2021, Algorithm 1)."""

import pytest

from engine.federated.strategies.feddyn import FedDyn
from engine.training.settings import LocalSettings
from tests.engine.federated.quadratics import World, fresh, play, start

WORLD = World((0.0, 4.0), steps=(2, 2), sizes=(30, 10), settings=LocalSettings(lr=0.1), num_clients=4)
"""Two of four clients take part, so the server's h moves by half of their mean."""


def test_two_rounds_by_hand() -> None:
    strategy = FedDyn(alpha=0.5)
    # round 1 from w = 1, all g_k and h zero; steps along (w - target) + 0.5 (w - 1):
    # client 1: 1 - 0.1 * 1 = 0.9; 0.9 - 0.1 * (0.9 - 0.05) = 0.815; client 2: 1.3; 1.3 - 0.1 * (-2.7 + 0.15) = 1.555
    # g_1 = -0.5 * -0.185 = 0.0925, g_2 = -0.5 * 0.555 = -0.2775; mean difference 0.185
    # h = -0.5 * 2/4 * 0.185 = -0.04625; w = 1 + 0.185 + 0.04625 / 0.5
    server, states = play(strategy, WORLD, start(strategy, 1.0), fresh(strategy, WORLD))
    assert [state["gradient"]["w"].item() for state in states] == pytest.approx([0.0925, -0.2775], abs=1e-12)
    assert server["h"]["w"].item() == pytest.approx(-0.04625, abs=1e-12)
    assert server["weights"]["w"].item() == pytest.approx(1.2775, abs=1e-12)

    # round 2 from w = 1.2775; steps along (w - target) - g_k + 0.5 (w - 1.2775):
    # client 1: 1.2775 - 0.1 * 1.185 = 1.159; 1.159 - 0.1 * (1.159 - 0.0925 - 0.05925) = 1.058275
    # client 2: 1.2775 - 0.1 * (-2.445) = 1.522; 1.522 - 0.1 * (-2.478 + 0.2775 + 0.12225) = 1.729825
    # differences -0.219225 and 0.452325, mean 0.11655; h = -0.04625 - 0.25 * 0.11655 = -0.0753875
    server, states = play(strategy, WORLD, server, states)
    assert [state["gradient"]["w"].item() for state in states] == pytest.approx([0.2021125, -0.5036625], abs=1e-12)
    assert server["h"]["w"].item() == pytest.approx(-0.0753875, abs=1e-12)
    assert server["weights"]["w"].item() == pytest.approx(1.2775 + 0.11655 + 0.150775, abs=1e-12)


def test_settles_where_all_gradients_together_vanish() -> None:
    """With all clients in every round the fixed point is the minimum of the mean loss, 2, unlike with drift alone."""
    world = World((0.0, 4.0), steps=(5, 20), sizes=(10, 10), settings=LocalSettings(lr=0.1), num_clients=2)
    strategy = FedDyn(alpha=1.0)
    server, states = start(strategy, 1.0), fresh(strategy, world)
    for _ in range(400):
        server, states = play(strategy, world, server, states)
    assert server["weights"]["w"].item() == pytest.approx(2.0, abs=1e-6)
