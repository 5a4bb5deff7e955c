"""Local optimizers and schedules of the learning rate: against torch's own, and by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from engine.core.streams import stream
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.fednova import FedNova
from engine.federated.strategies.scaffold import Scaffold
from engine.training.descent import steps_of
from engine.training.local import LinearTerm
from engine.training.plans import cohort_obstacle
from engine.training.settings import LocalSettings
from tests.engine.federated import worlds
from tests.engine.training.worlds import DIRECT, PER_CLIENT, SIZES, graph, largest_difference, train

ADAM = {"kind": "adam", "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-6}


def descend(settings: LocalSettings, term: LinearTerm | None = None) -> list[torch.Tensor]:
    """Five steps on a fixed quadratic with a scale of its own per coordinate."""
    named = {"w": torch.ones(3, 4).double(), "b": torch.ones(4).double()}
    steps = steps_of(named, settings, settings.lr, term)
    for _ in range(5):
        steps.step([scale * value for scale, value in zip(_scales(), named.values(), strict=True)])
    return list(named.values())


def _scales() -> list[torch.Tensor]:
    draw = stream(1, "scales")
    return [torch.from_numpy(draw.standard_normal(shape)) for shape in ((3, 4), (4,))]


@pytest.mark.parametrize(
    ("settings", "make"),
    [
        ({"optimizer": ADAM}, lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6)),
        (
            {"optimizer": ADAM, "weight_decay": 0.1},
            lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
        ),
        (
            {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
        ),
    ],
    ids=["adam", "adam with decay", "nesterov with decay"],
)
def test_steps_are_those_of_torch(settings: dict[str, Any], make: Any) -> None:
    params = [torch.ones(3, 4).double().requires_grad_(), torch.ones(4).double().requires_grad_()]
    theirs = make(params)
    for _ in range(5):
        for scale, value in zip(_scales(), params, strict=True):
            value.grad = (scale * value).detach()
        theirs.step()
    for mine, other in zip(descend(LocalSettings(lr=0.1, **settings)), params, strict=True):
        assert torch.allclose(mine, other, rtol=0, atol=1e-12)


def test_adam_by_hand() -> None:
    # a constant gradient g: m_hat = g and v_hat = g^2 after bias correction, so every step is lr * g / (|g| + eps)
    named = {"w": torch.tensor([1.0, 1.0]).double()}
    steps = steps_of(named, LocalSettings(lr=0.1, optimizer=ADAM), 0.1, None)
    for _ in range(3):
        steps.step([torch.tensor([0.5, -4.0]).double()])
    assert named["w"].tolist() == pytest.approx([1 - 0.3 * 0.5 / 0.500001, 1 + 0.3 * 4 / 4.000001], rel=1e-12)


def test_a_linear_term_is_part_of_adams_gradient() -> None:
    center = {"w": torch.zeros(3, 4).double(), "b": torch.zeros(4).double()}
    with_term = descend(LocalSettings(lr=0.1, optimizer=ADAM), LinearTerm(scale=0.1, center=center))
    with_decay = descend(LocalSettings(lr=0.1, optimizer=ADAM, weight_decay=0.1))
    assert all(torch.allclose(one, other) for one, other in zip(with_term, with_decay, strict=True))


def test_adam_is_never_stacked_and_takes_no_momentum() -> None:
    assert "not SGD" in cohort_obstacle(FedAvg(), worlds.chain(), is_sgd=False)
    with pytest.raises(ValidationError, match="momentum belongs to sgd"):
        LocalSettings(optimizer=ADAM, momentum=0.5)
    for strategy in (FedNova(), Scaffold()):
        (problem,) = strategy.check(graph(), LocalSettings(optimizer=ADAM))
        assert problem.code == "needs_sgd"
    assert LocalSettings(optimizer=ADAM).num_moments == 2
    assert LocalSettings(momentum=0.5).num_moments == 1


def rates(rounds: int, **settings: Any) -> list[float]:
    made = LocalSettings(lr=0.4, **settings)
    return [made.lr_of(number) for number in range(1, rounds + 1)]


def test_schedules_by_hand() -> None:
    assert rates(2) == [0.4, 0.4]
    assert rates(3, lr_decay=0.5) == [0.4, 0.2, 0.1]
    assert rates(5, schedule={"kind": "step", "every_rounds": 2, "gamma": 0.5}) == [0.4, 0.4, 0.2, 0.2, 0.1]
    cosine = {"kind": "cosine", "over_rounds": 4, "floor": 0.1}
    # 1, then (1 + cos(45 deg)) / 2 on the way from 1 to 0.1, the middle 0.55, and the floor for good
    assert rates(6, schedule=cosine) == pytest.approx(
        [
            0.4,
            0.4 * (0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2),
            0.22,
            0.4 * (0.1 + 0.9 * (1 - math.sqrt(0.5)) / 2),
            0.04,
            0.04,
        ]
    )
    assert rates(5, warm_up_rounds=4) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])
    assert rates(2, warm_up_rounds=4, lr_decay=0.5) == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize("plan", [PER_CLIENT, DIRECT], ids=["per client", "stacked"])
def test_most_steps_are_the_first_ones_of_all(plan: Any) -> None:
    whole, cut = train(FedAvg(), plan), train(FedAvg(), plan, max_steps=2)
    assert cut.steps.tolist() == np.minimum(whole.steps, 2).tolist()
    assert train(FedAvg(), plan, max_steps=1000).summed.keys() == whole.summed.keys()
    assert largest_difference(train(FedAvg(), plan, max_steps=1000).summed, whole.summed) == 0.0
    sizes = np.array([1, 8, 9, 20])
    samples, steps = LocalSettings(epochs=2, batch_size=8, max_steps=3).work_of(sizes)
    assert steps.tolist() == [2, 2, 3, 3]
    assert samples.tolist() == [2, 16, 9 + 8, 20]
    assert cut.passed.tolist() == [_passed(size, 2) for size in SIZES]


def _passed(size: int, steps: int) -> int:
    """Samples in the first steps of two passes at batch size 8."""
    batches = [min(8, size - first) for first in range(0, size, 8)] * 2
    return sum(batches[:steps])
