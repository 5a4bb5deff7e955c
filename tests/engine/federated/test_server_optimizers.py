"""Optimizers on the server by hand: two rounds of one weight (Reddi et al. 2021, Algorithm 2; Hsu et al. 2019)."""

import math

import numpy as np
import pytest

from engine.federated.strategies.fedadagrad import FedAdagrad
from engine.federated.strategies.fedadam import FedAdam
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.fedavgm import FedAvgM
from engine.federated.strategies.fedyogi import FedYogi
from engine.federated.strategy import Combined, Groups, Strategy


def after(strategy: Strategy, *differences: float) -> Groups:
    """The server after rounds whose mean differences are these, from weight 1."""
    server = strategy.init_server({"w": np.array([1.0]), "bn.running_mean": np.array([1.0])})
    for value in differences:
        mean = {"weights": {"w": np.array([value]), "bn.running_mean": np.array([value])}}
        server = strategy.server_step(Combined(mean, 10.0, 2, 4), server)
    return server


def test_momentum() -> None:
    # v = 0.2, w = 1 + 0.5 * 0.2 = 1.1; v = 0.9 * 0.2 - 0.1 = 0.08, w = 1.1 + 0.04
    server = after(FedAvgM(momentum=0.9, server_lr=0.5), 0.2, -0.1)
    assert server["weights"]["w"].item() == pytest.approx(1.14, abs=1e-15)
    assert server["velocity"]["w"].item() == pytest.approx(0.08, abs=1e-15)


def test_without_momentum_it_is_federated_averaging_bit_for_bit() -> None:
    assert FedAvgM.neutral is not None
    mine, plain = after(FedAvgM(**FedAvgM.neutral), 0.3, -0.1), after(FedAvg(), 0.3, -0.1)
    assert mine["weights"]["w"].item() == plain["weights"]["w"].item()


def test_adam() -> None:
    # m = 0.02, v = 0.0004; then m = 0.018 - 0.01 = 0.008, v = 0.99 * 0.0004 + 0.01 * 0.01 = 0.000496
    server = after(FedAdam(server_lr=0.1, tau=0.001), 0.2, -0.1)
    expected = 1 + 0.1 * 0.02 / (0.02 + 0.001) + 0.1 * 0.008 / (math.sqrt(0.000496) + 0.001)
    assert server["weights"]["w"].item() == pytest.approx(expected, rel=1e-12)


def test_yogi() -> None:
    # v = 0 + 0.01 * 0.04 (sign of 0 - 0.04 is -1) = 0.0004; then 0.0004 < 0.01: v = 0.0004 + 0.01 * 0.01 = 0.0005
    server = after(FedYogi(server_lr=0.1, tau=0.001), 0.2, -0.1)
    expected = 1 + 0.1 * 0.02 / (0.02 + 0.001) + 0.1 * 0.008 / (math.sqrt(0.0005) + 0.001)
    assert server["weights"]["w"].item() == pytest.approx(expected, rel=1e-12)
    # a third round with a tiny difference lets v fall by (1 - beta_2) D^2 only: 0.0005 - 0.01 * 1e-4 = 0.000499
    assert after(FedYogi(), 0.2, -0.1, 0.01)["second"]["w"].item() == pytest.approx(0.000499, rel=1e-12)


def test_adagrad() -> None:
    # v = 0.04, w = 1 + 0.1 * 0.2 / 0.201; v = 0.05, w -= 0.1 * 0.1 / (sqrt(0.05) + 0.001)
    server = after(FedAdagrad(server_lr=0.1, tau=0.001), 0.2, -0.1)
    expected = 1 + 0.1 * 0.2 / 0.201 - 0.1 * 0.1 / (math.sqrt(0.05) + 0.001)
    assert server["weights"]["w"].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("strategy", [FedAvgM(), FedAdam(), FedYogi(), FedAdagrad()], ids=lambda s: s.kind)
def test_running_statistics_move_by_the_mean(strategy: Strategy) -> None:
    assert after(strategy, 0.2, -0.1)["weights"]["bn.running_mean"].item() == pytest.approx(1.1, abs=1e-15)
