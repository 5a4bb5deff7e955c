"""Running statistics are no weights: whatever a strategy does with steps, the server takes their plain mean."""

import numpy as np
import pytest
import torch

from engine.federated.strategies.fednova import FedNova
from engine.federated.strategies.qfedavg import QFedAvg
from engine.federated.strategies.scaffold import Scaffold
from engine.federated.strategy import Combined, Groups, Strategy
from engine.training.local import LocalView
from engine.training.settings import LocalSettings

VARIANCE = "norm.running_var"
START = {"w": np.array([1.0]), VARIANCE: np.array([1.0])}


def update(strategy: Strategy, trained: tuple[float, float], *, steps: int, samples: int) -> tuple[Groups, float]:
    """What a client with these weights and running statistics sends, and its weight in the mean."""
    names = dict(zip(START, trained, strict=True))
    view = LocalView(
        params={name: torch.tensor([value], dtype=torch.float64) for name, value in names.items()},
        start={name: torch.from_numpy(value) for name, value in START.items()},
        down=_tensors(_down(strategy)),
        client=_tensors(strategy.init_client(START) or {}),
        lr=0.1, settings=LocalSettings(lr=0.1), num_samples=(samples,),
    )  # fmt: skip
    view.start_loss = 2.0
    sent = strategy.finish(view, steps)
    return {g: {n: value.numpy() for n, value in tensors.items()} for g, tensors in sent.tensors.items()}, sent.weight


def _tensors(groups: Groups) -> dict[str, dict[str, torch.Tensor]]:
    return {
        group: {name: torch.from_numpy(array) for name, array in arrays.items()} for group, arrays in groups.items()
    }


def _down(strategy: Strategy) -> Groups:
    return strategy.message_down(strategy.init_server(START))


@pytest.mark.parametrize("strategy", [FedNova(server_lr=3.0), Scaffold(global_lr=3.0), QFedAvg(q=1.0)])
def test_the_server_takes_their_mean(strategy: Strategy) -> None:
    one, first = update(strategy, (0.5, 0.2), steps=40, samples=30)
    other, second = update(strategy, (0.9, 0.6), steps=2, samples=10)
    total = first + second
    mean = {
        group: {name: (first * arrays[name] + second * other[group][name]) / total for name in arrays}
        for group, arrays in one.items()
    }
    after = strategy.server_step(Combined(mean, total, 2, 2), strategy.init_server(START))["weights"]
    assert after[VARIANCE].item() == pytest.approx((first * 0.2 + second * 0.6) / total)
    assert after["w"].item() != pytest.approx((first * 0.5 + second * 0.9) / total)


def test_long_statistics_do_not_slow_fair_averaging() -> None:
    """The denominator h holds the length of the step, not of what statistics have changed."""
    near, _ = update(QFedAvg(q=1.0), (0.5, 1.0), steps=4, samples=10)
    far, _ = update(QFedAvg(q=1.0), (0.5, 100.0), steps=4, samples=10)
    assert near["step"]["h"] == far["step"]["h"]


def test_control_variates_have_none() -> None:
    sent, _ = update(Scaffold(), (0.5, 0.2), steps=4, samples=10)
    assert set(sent["control"]) == {"w"}
    assert set(_down(Scaffold())["control"]) == {"w"}
