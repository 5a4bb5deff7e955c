"""q-FedAvg on a quadratic of one weight and two clients, computed by hand (Li et al. 2020, Algorithm 2)."""

import math

import pytest

from engine.federated.strategies.qfedavg import QFedAvg
from engine.training.settings import LocalSettings
from tests.engine.federated.quadratics import World, fresh, play, start

WORLD = World((0.0, 4.0), steps=(1, 2), sizes=(30, 10), settings=LocalSettings(lr=0.1), num_clients=2)


def weight_after(q: float) -> float:
    server, _ = play(QFedAvg(q=q), WORLD, start(QFedAvg(q=q), 1.0), fresh(QFedAvg(q=q), WORLD))
    return float(server["weights"]["w"].item())


def test_a_round_by_hand() -> None:
    # losses at w = 1 are 1/2 and 9/2, differences -0.1 and 0.57 (1 -> 1.3 -> 1.57); with q = 1 and L = 10
    # the numbers of the paper are Delta = F L (w_t - w_k) = 0.5 and -25.65, h = (L D)^2 + L F = 1 + 5 and 32.49 + 45:
    # from 1 the step is -(0.5 - 25.65) / (6 + 77.49)
    assert weight_after(1.0) == pytest.approx(1 + 25.15 / 83.49, abs=1e-12)


def test_another_power_by_hand() -> None:
    # q = 2: Delta = F^2 L (w_t - w_k) = 0.25 and -115.425; h = 2 F (L D)^2 + L F^2 = 1 + 2.5 and 292.41 + 202.5
    assert weight_after(2.0) == pytest.approx(1 + 115.175 / 498.41, abs=1e-12)


def test_without_fairness_it_is_the_plain_mean() -> None:
    assert weight_after(0.0) == pytest.approx((0.9 + 1.57) / 2, abs=1e-12)


def test_a_perfect_client_does_not_break_the_step() -> None:
    world = World((1.0, 1.0), steps=(1, 1), sizes=(10, 10), settings=LocalSettings(lr=0.1), num_clients=2)
    for q in (0.5, 3.0):
        server, _ = play(QFedAvg(q=q), world, start(QFedAvg(q=q), 1.0), fresh(QFedAvg(q=q), world))
        assert math.isfinite(server["weights"]["w"].item())
        assert server["weights"]["w"].item() == 1.0
