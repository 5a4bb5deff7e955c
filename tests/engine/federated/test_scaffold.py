"""SCAFFOLD on a quadratic of one weight and two clients, computed by hand (Karimireddy et al. 2020, Algorithm 1)."""

import numpy as np
import pytest
import torch

from engine.federated.strategies.scaffold import Scaffold
from engine.federated.strategy import Combined, Groups, LocalView, num_bytes
from engine.training.arrays import as_groups, as_tensors
from engine.training.chain import Dense
from engine.training.dense import DenseStack
from engine.training.settings import LocalSettings

TARGETS = (0.0, 4.0)
"""Client k minimizes (w - target_k)^2 / 2, so its gradient is w - target_k."""
LR, STEPS = 0.1, 2


def local_round(strategy: Scaffold, server: Groups, states: list[Groups]) -> tuple[Groups, list[Groups]]:
    """Both clients train, then the server steps."""
    down = {group: as_tensors(arrays) for group, arrays in strategy.message_down(server).items()}
    sums = {"weights": np.zeros((1, 1)), "control": np.zeros((1, 1))}
    fresh = []
    for target, state in zip(TARGETS, states, strict=True):
        client = {group: as_tensors(arrays) for group, arrays in state.items()}
        view = LocalView(
            params=down["weights"], start=down["weights"], down=down, client=client, lr=LR, num_samples=(9,)
        )
        settings = LocalSettings(lr=LR)
        layer = DenseStack(
            Dense("w", None, 1, 1, relu=False),
            down["weights"],
            clients=1,
            settings=settings,
            lr=LR,
            term=strategy.linear_term(view),
        )
        one = torch.ones(1, 1, 1, dtype=torch.float64)
        for _ in range(STEPS):
            layer.step(layer.forward(one) - target, one)
        view.params = {"w": layer.params()["w"][0]}
        update = strategy.finish(view, STEPS)
        assert update.weight == 1.0
        assert update.client is not None
        fresh.append(as_groups(update.client))
        for group in sums:
            sums[group] += as_groups(update.tensors)[group]["w"]
    mean = {group: {"w": total / 2} for group, total in sums.items()}
    return strategy.server_step(Combined(mean, 2.0, 2, 2), server), fresh


def test_two_rounds_by_hand() -> None:
    strategy = Scaffold()
    params = {"w": np.array([[1.0]])}
    server = strategy.init_server(params)
    states: list[Groups] = [strategy.init_client(params) for _ in TARGETS]

    # round 1, all controls zero: client 1 goes 1 -> 0.9 -> 0.81, client 2 goes 1 -> 1.3 -> 1.57;
    # c_1 = (1 - 0.81) / 0.2, c_2 = (1 - 1.57) / 0.2, c their mean, w the mean of 0.81 and 1.57
    server, states = local_round(strategy, server, states)
    assert [state["control"]["w"].item() for state in states] == pytest.approx([0.95, -2.85], abs=1e-12)
    assert server["weights"]["w"].item() == pytest.approx(1.19, abs=1e-12)
    assert server["control"]["w"].item() == pytest.approx(-0.95, abs=1e-12)

    # round 2: steps along w - 0 - 0.95 - 0.95 = w - 1.9 and w - 4 + 2.85 - 0.95 = w - 2.1:
    # 1.19 -> 1.261 -> 1.3249 and 1.19 -> 1.281 -> 1.3629; c_k <- c_k - c + (1.19 - w_k) / 0.2
    server, states = local_round(strategy, server, states)
    assert [state["control"]["w"].item() for state in states] == pytest.approx([1.2255, -2.7645], abs=1e-12)
    assert server["weights"]["w"].item() == pytest.approx(1.3439, abs=1e-12)
    assert server["control"]["w"].item() == pytest.approx(-0.7695, abs=1e-12)


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
