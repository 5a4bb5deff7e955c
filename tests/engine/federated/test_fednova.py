"""FedNova on a quadratic of one weight and two clients with unlike numbers of steps, computed by hand."""

import pytest

from engine.federated.strategies.fednova import FedNova
from engine.training.accumulation import accumulated
from engine.training.settings import LocalSettings
from tests.engine.federated.quadratics import World, fresh, play, start


def world(**settings: float) -> World:
    return World((0.0, 4.0), steps=(1, 3), sizes=(30, 10), settings=LocalSettings(lr=0.1, **settings), num_clients=2)


def test_a_round_by_hand() -> None:
    # client 1: 1 -> 0.9; client 2: 1 -> 1.3 -> 1.57 -> 1.813
    # d_1 = -0.1 / 1, d_2 = 0.813 / 3 = 0.271; p = 3/4, 1/4: mean d = -0.075 + 0.06775 = -0.00725
    # mean |a| = 3/4 * 1 + 1/4 * 3 = 1.5: w = 1 - 1.5 * 0.00725
    server, _ = play(FedNova(), world(), start(FedNova(), 1.0), fresh(FedNova(), world()))
    assert server["weights"]["w"].item() == pytest.approx(0.989125, abs=1e-12)


def test_a_round_with_momentum_by_hand() -> None:
    # momentum 0.5, client 2: v = -3, w = 1.3; v = -1.5 - 2.7 = -4.2, w = 1.72; v = -2.1 - 2.28 = -4.38, w = 2.158
    # |a_2| = 1 + 1.5 + 1.75 = 4.25, |a_1| = 1: mean d = 0.75 * -0.1 + 0.25 * 1.158 / 4.25, mean |a| = 0.75 + 1.0625
    expected = 1.0 + 1.8125 * (-0.075 + 0.25 * 1.158 / 4.25)
    work = world(momentum=0.5)
    server, _ = play(FedNova(), work, start(FedNova(), 1.0), fresh(FedNova(), work))
    assert server["weights"]["w"].item() == pytest.approx(expected, abs=1e-12)


def test_a_round_with_a_proximal_term_by_hand() -> None:
    # mu = 1, pull 0.1: client 2 steps along w - 4 + (w - 1): -3, -2.4, -1.92: 1 -> 1.3 -> 1.54 -> 1.732
    # |a_2| = 1 + 0.9 + 0.81 = 2.71, |a_1| = 1: w = 1 + (0.75 + 0.6775) * (-0.075 + 0.25 * 0.732 / 2.71)
    strategy = FedNova(mu=1.0)
    server, _ = play(strategy, world(), start(strategy, 1.0), fresh(strategy, world()))
    assert server["weights"]["w"].item() == pytest.approx(1.0 + 1.4275 * (-0.075 + 0.183 / 2.71), abs=1e-12)


def test_norms_are_those_of_the_paper() -> None:
    """Steps for SGD; (t - r (1 - r^t) / (1 - r)) / (1 - r) with momentum; (1 - (1 - c)^t) / c with a pull."""
    assert accumulated(LocalSettings(), 7, pull=0.0) == 7.0
    momentum, steps = 0.9, 12
    expected = (steps - momentum * (1 - momentum**steps) / (1 - momentum)) / (1 - momentum)
    assert accumulated(LocalSettings(momentum=momentum), steps, pull=0.0) == pytest.approx(expected, rel=1e-12)
    assert accumulated(LocalSettings(), steps, pull=0.05) == pytest.approx((1 - 0.95**steps) / 0.05, rel=1e-12)
    # Nesterov: responses 1 + r, 1 + r + r^2, ... one power ahead of plain momentum
    assert accumulated(LocalSettings(momentum=0.5, nesterov=True), 2, pull=0.0) == pytest.approx(1.5 + 1.75)


def test_equal_steps_give_federated_averaging() -> None:
    equal = World((0.0, 4.0), steps=(2, 2), sizes=(30, 10), settings=LocalSettings(lr=0.1), num_clients=2)
    server, _ = play(FedNova(), equal, start(FedNova(), 1.0), fresh(FedNova(), equal))
    assert server["weights"]["w"].item() == pytest.approx(0.75 * 0.81 + 0.25 * 1.57, abs=1e-12)
