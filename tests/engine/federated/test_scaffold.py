"""SCAFFOLD on a quadratic of one weight and two clients, computed by hand (Karimireddy et al. 2020, Algorithm 1)."""

import numpy as np
import pytest

from engine.federated.strategies.scaffold import Scaffold
from engine.federated.strategy import Combined, num_bytes
from engine.training.settings import LocalSettings
from tests.engine.federated.quadratics import World, fresh, play, start

WORLD = World((0.0, 4.0), steps=(2, 2), sizes=(30, 10), settings=LocalSettings(lr=0.1), num_clients=2)
"""Unlike numbers of samples, since the mean is unweighted."""


def test_two_rounds_by_hand() -> None:
    strategy = Scaffold()
    server, states = start(strategy, 1.0), fresh(strategy, WORLD)

    # round 1, all controls zero: client 1 goes 1 -> 0.9 -> 0.81, client 2 goes 1 -> 1.3 -> 1.57;
    # c_1 = (1 - 0.81) / 0.2, c_2 = (1 - 1.57) / 0.2, c their mean, w the mean of 0.81 and 1.57
    server, states = play(strategy, WORLD, server, states)
    assert [state["control"]["w"].item() for state in states] == pytest.approx([0.95, -2.85], abs=1e-12)
    assert server["weights"]["w"].item() == pytest.approx(1.19, abs=1e-12)
    assert server["control"]["w"].item() == pytest.approx(-0.95, abs=1e-12)

    # round 2: steps along w - 0 - 0.95 - 0.95 = w - 1.9 and w - 4 + 2.85 - 0.95 = w - 2.1:
    # 1.19 -> 1.261 -> 1.3249 and 1.19 -> 1.281 -> 1.3629; c_k <- c_k - c + (1.19 - w_k) / 0.2
    server, states = play(strategy, WORLD, server, states)
    assert [state["control"]["w"].item() for state in states] == pytest.approx([1.2255, -2.7645], abs=1e-12)
    assert server["weights"]["w"].item() == pytest.approx(1.3439, abs=1e-12)
    assert server["control"]["w"].item() == pytest.approx(-0.7695, abs=1e-12)


def test_momentum_counts_gradients_as_often_as_they_have_moved_the_weights() -> None:
    """Two steps with momentum 0.5 from 1 towards 0: velocity 1, then 0.5 + 0.9, so 1 -> 0.9 -> 0.76.

    The first gradient, 1, has acted with 1 + 0.5, the second, 0.9, with 1: their mean is (1.5 + 0.9) / 2.5.
    """
    world = World((0.0,), steps=(2,), sizes=(1,), settings=LocalSettings(lr=0.1, momentum=0.5), num_clients=1)
    strategy = Scaffold()
    _, states = play(strategy, world, start(strategy, 1.0), fresh(strategy, world))
    assert states[0]["control"]["w"].item() == pytest.approx(0.96, abs=1e-12)


def test_part_of_the_clients_moves_the_control_by_their_share() -> None:
    server = {"weights": {"w": np.zeros(1)}, "control": {"w": np.zeros(1)}}
    mean = {"weights": {"w": np.array([3.0])}, "control": {"w": np.array([2.0])}}
    after = Scaffold(global_lr=0.5).server_step(Combined(mean, 10.0, 10, 40), server)
    assert after["weights"]["w"].item() == 1.5
    assert after["control"]["w"].item() == 0.5


def test_messages_are_twice_as_large() -> None:
    params = {"w": np.zeros((3, 4), np.float32), "b": np.zeros(4, np.float32)}
    server = Scaffold().init_server(params)
    assert num_bytes(Scaffold().message_down(server)) == 2 * 4 * 16
    assert num_bytes(Scaffold().message_up(server)) == 2 * 4 * 16
