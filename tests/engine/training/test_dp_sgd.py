"""Private local steps: each sample's gradient is bounded, the noise has its scale, batches are Poisson."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.fedmax import FedMAX
from engine.federated.strategies.fedprox import FedProx
from engine.federated.strategies.scaffold import Scaffold
from engine.models.build import build
from engine.models.model import models
from engine.models.weights import initial
from engine.privacy.mechanisms.dp_sgd import DPSGD
from engine.training.arrays import load
from engine.training.block import train_block
from engine.training.dp_sgd import PrivateGradients, PrivateSteps, _vectorized, add_clipped, one_sample
from engine.training.local import LocalRule, LocalView
from tests.engine.training.worlds import PER_CLIENT, SIZES, job

IMAGES = SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)
COLORS = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
SERIES = SampleSpec(kind="sequence", shape=(16, 8), num_classes=10)
TOKENS = SampleSpec(kind="tokens", shape=(12,), num_classes=30, vocabulary=30)


def steps_of(num_samples: int, *, batch: int = 5, seed: int = 0, **mechanism: Any) -> PrivateSteps:
    return PrivateSteps.of(DPSGD(**mechanism), batch, num_samples, (seed, 3, 1))


class Quiet(PrivateSteps):
    """No noise, so that clipping can be seen by itself."""

    def noisy_mean(self, clipped):
        return [value / self.batch_size for value in clipped]


def quiet(num_samples: int, clip_norm: float) -> Quiet:
    draw = stream(0, "unused")
    return Quiet(DPSGD(clip_norm=clip_norm), num_samples, num_samples, draw, draw)


def network(kind: str, sample: SampleSpec, **fields: Any) -> Any:
    graph = models[kind](**fields).declare(sample)
    module = build(graph).double()
    load(module, {name: torch.from_numpy(value).double() for name, value in initial(graph, 0).items()})
    return module


def batch_of(sample: SampleSpec, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = stream(5, "batch", size)
    if sample.kind == "tokens":
        return tuple(torch.from_numpy(draw.integers(0, 30, shape)) for shape in ((size, *sample.shape), size))
    x = torch.from_numpy(draw.standard_normal((size, *sample.shape)))
    return x, torch.from_numpy(draw.integers(0, sample.num_classes, size))


def by_hand(module, rule, x, y, bound: float) -> list[torch.Tensor]:
    """Clipped mean gradient, one backward pass for each sample."""
    total = [torch.zeros_like(value) for value in module.parameters()]
    for place in range(len(x)):
        logits, features = module.forward_with_features(x[place : place + 1])
        logits, features, labels = logits.flatten(0, -2), features.flatten(0, -2), y[place : place + 1].flatten()
        share = torch.full((len(labels),), 1.0 / len(labels), dtype=logits.dtype)
        view = LocalView({}, {}, {}, labels=labels, features=features, logits=logits, share=share)
        loss, extra = torch.nn.functional.cross_entropy(logits, labels), rule.loss_term(view)
        gradients = torch.autograd.grad(loss if extra is None else loss + extra, list(module.parameters()))
        norm = math.sqrt(sum(float(value.square().sum()) for value in gradients))
        for sums, value in zip(total, gradients, strict=True):
            sums.add_(value, alpha=min(1.0, bound / norm))
    return [value / len(x) for value in total]


NETWORKS = [
    ("mlp", IMAGES, {"hidden": [12]}), ("lenet5", IMAGES, {}), ("resnet8", COLORS, {}), ("gru", SERIES, {}),
    ("char_lstm", TOKENS, {}),
]  # fmt: skip


@pytest.mark.parametrize("rule", [LocalRule(), FedMAX(beta=0.7)], ids=["plain", "fedmax"])
def test_a_chain_of_linear_layers_has_a_form_of_its_own(rule) -> None:
    module = network("mlp", IMAGES, hidden=[12, 7])
    x, y = batch_of(IMAGES, 9)
    x[4] = float("nan")  # counts nothing in either form
    made = PrivateGradients(module, rule, quiet(9, 0.4))
    whole, loss = made(LocalView({}, {}, {}), x, y)
    named = {name: value.detach() for name, value in module.named_parameters()}
    gradients, losses = _vectorized(one_sample(module, rule, LocalView({}, {}, {})))(named, x, y)
    total = {name: torch.zeros_like(value) for name, value in named.items()}
    add_clipped(total, gradients, 0.4)
    for found, expected in zip(whole, total.values(), strict=True):
        assert torch.allclose(9 * found, expected, rtol=1e-9, atol=1e-12)
    assert torch.allclose(loss, losses.mean(), equal_nan=True)


@pytest.mark.parametrize(("kind", "sample", "fields"), NETWORKS, ids=[kind for kind, *_ in NETWORKS])
@pytest.mark.parametrize("bound", [1e6, 0.5])
def test_gradients_of_single_samples_are_clipped(kind: str, sample: SampleSpec, fields: dict, bound: float) -> None:
    module = network(kind, sample, **fields).eval()  # batch norm, which would mix samples, is refused with privacy
    x, y = batch_of(sample, 4)
    for rule in (LocalRule(), FedMAX(beta=0.7)):
        gradients, loss = PrivateGradients(module, rule, quiet(4, bound))(LocalView({}, {}, {}), x, y)
        wanted = by_hand(module, rule, x, y, bound)
        for found, expected in zip(gradients, wanted, strict=True):
            assert torch.allclose(found, expected, rtol=1e-9, atol=1e-12)
        assert float(loss) > 0.0


def test_one_sample_moves_the_sum_by_at_most_the_bound() -> None:
    module = network("mlp", IMAGES, hidden=[12])
    x, y = batch_of(IMAGES, 6)
    x[2] *= 1e6
    made = PrivateGradients(module, LocalRule(), quiet(6, 0.3))
    whole, _ = made(LocalView({}, {}, {}), x, y)
    for place in range(6):
        rest = [other for other in range(6) if other != place]
        without, _ = made(LocalView({}, {}, {}), x[rest], y[rest])
        moved = math.sqrt(sum(float((6 * (a - b)).square().sum()) for a, b in zip(whole, without, strict=True)))
        assert moved <= 0.3 * (1 + 1e-9)


def test_a_gradient_without_numbers_counts_nothing() -> None:
    total = {"w": torch.zeros(2)}
    add_clipped(total, {"w": torch.tensor([[3.0, 4.0], [float("nan"), 1.0], [float("inf"), 0.0]])}, 1.0)
    assert total["w"].tolist() == pytest.approx([0.6, 0.8], rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_noise_has_its_scale(dtype) -> None:
    steps = steps_of(100, batch=20, seed=1, noise_multiplier=1.5, clip_norm=0.4)
    noise = torch.cat([v.flatten() for v in steps.noisy_mean([torch.zeros(200, 200, dtype=dtype), torch.zeros(9)])])
    scaled = noise.double().numpy() * 20 / (1.5 * 0.4)
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], len(scaled))
    assert low < np.square(scaled).sum() < high
    assert stats.kstest(scaled, "norm").pvalue > 1e-3


def test_batches_are_poisson_samples() -> None:
    steps = steps_of(200, batch=20)
    drawn = np.zeros((2000, 200), dtype=bool)
    for row in drawn:
        row[steps.batch().numpy()] = True
    assert stats.binomtest(int(drawn.sum()), drawn.size, 0.1).pvalue > 1e-3
    sizes = drawn.sum(1)
    assert np.var(sizes) == pytest.approx(200 * 0.1 * 0.9, rel=0.15)  # fixed batches would have no variance
    together = np.corrcoef(drawn.T.astype(float))
    assert np.abs(together[~np.eye(200, dtype=bool)]).max() < 0.15
    assert len(steps_of(7, batch=20).batch()) == 7  # fewer samples than a batch: all of them


def test_an_empty_batch_is_noise_alone() -> None:
    module = network("mlp", IMAGES, hidden=[12])
    x, y = batch_of(IMAGES, 1)
    gradients, loss = PrivateGradients(module, LocalRule(), steps_of(10))(LocalView({}, {}, {}), x[:0], y[:0])
    assert float(loss) == 0.0
    assert all(bool((value != 0).any()) for value in gradients)


@pytest.mark.parametrize("strategy", [FedAvg(), FedProx(mu=0.1), FedMAX(), Scaffold()], ids=lambda s: s.kind)
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "weight_decay": 1e-3}], ids=["plain", "momentum"])
def test_clients_train_privately_with_every_rule(strategy, settings) -> None:
    work = replace(job(strategy, PER_CLIENT, keep_updates=True, **settings), privacy=DPSGD(noise_multiplier=0.5))
    once, again = train_block(work), train_block(work)
    for name, value in once.summed["weights"].items():
        assert (value == again.summed["weights"][name]).all()
        assert np.isfinite(value).all()
    ordinary = train_block(replace(work, privacy=None))
    assert (once.steps == ordinary.steps).all()
    assert any((value != ordinary.summed["weights"][name]).any() for name, value in once.summed["weights"].items())


def test_noise_accumulates_over_the_steps() -> None:
    """With a bound of nearly nothing and all samples in each batch, weights are a random walk of known length."""
    mechanism = DPSGD(noise_multiplier=1000.0, clip_norm=1e-6)
    work = replace(job(FedAvg(), PER_CLIENT, keep_updates=True, batch_size=100, epochs=4), privacy=mechanism)
    moved = np.concatenate(
        [
            update.tensors["weights"][name].flatten().numpy() * size
            for update, size in zip(train_block(work).updates, SIZES, strict=True)
            for name in update.tensors["weights"]
        ]
    )
    assert moved.std() == pytest.approx(0.1 * 1e-3 * math.sqrt(4), rel=0.05)  # lr * z * C * sqrt(steps), over B
