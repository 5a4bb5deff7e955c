"""Channels that stand in for others: laws of Gaussian channels by their formulas, and cases with an exact answer."""

from math import acos, erf, exp, pi, sqrt

import numpy as np
import pytest
import torch

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.datafree.pruner import pruners
from engine.datafree.shrinking.moments import FUNCTIONS, ChannelSpread, spreads, through
from engine.models.build import build
from engine.models.graph import Graph, Node, chain
from engine.models.layers import Add, BatchNorm2d, Conv2d, GlobalAvgPool, Linear, ReLU
from engine.models.model import models
from engine.models.weights import initial
from tests.engine.models.hooked import batch_of

SAMPLE = SampleSpec(kind="image", shape=(2, 5, 5), num_classes=3)
NETWORK = chain(
    SAMPLE,
    [
        ("conv1", Conv2d(4, 3, padding=1, bias=False)), ("norm1", BatchNorm2d()), ("relu1", ReLU()),
        ("conv2", Conv2d(5, 1)), ("relu2", ReLU()), ("pool", GlobalAvgPool()), ("head", Linear(3)),
    ],
)  # fmt: skip
EXACT = {"ridge": 1e-9, "ratio": 0.25}


def trained(graph: Graph, seed: int = 1) -> dict[str, np.ndarray]:
    weights = initial(graph, seed)
    for name, value in weights.items():
        draw = stream(seed, "trained", name)
        if value.ndim == 1 and name.endswith((".weight", "running_var")):
            weights[name] = draw.uniform(0.5, 2, value.shape).astype(np.float32)
        elif value.ndim == 1:
            weights[name] = draw.normal(0, 0.5, value.shape).astype(np.float32)
    return weights


def outputs(graph: Graph, weights: dict[str, np.ndarray], x: torch.Tensor) -> torch.Tensor:
    module = build(graph).eval()
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    with torch.no_grad():
        found: torch.Tensor = module(x)
    return found


def pruned_outputs(weights: dict[str, np.ndarray], gone: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs of the network and of that without one channel of the first layer, and none of the second."""
    x = batch_of(SAMPLE, 6)
    weights["conv2.weight"][:, gone] *= 1e-3  # so that it brings least
    found = pruners["compensated"].model_validate(EXACT).prune(NETWORK, weights)
    assert [cut.num_after for cut in found.cuts] == [3, 4]
    return outputs(NETWORK, weights, x), outputs(found.graph, found.weights, x)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 0.5), (-1.5, 2.0), (3.0, 0.1)])
def test_a_relu_of_a_gaussian_channel(mean: float, std: float) -> None:
    """Mean mu Phi(t) + sigma phi(t), mean square (mu^2 + sigma^2) Phi(t) + mu sigma phi(t), with t = mu / sigma."""
    place, density = 0.5 * (1 + erf(mean / std / sqrt(2))), exp(-0.5 * (mean / std) ** 2) / sqrt(2 * pi)
    first = mean * place + std * density
    second = (mean**2 + std**2) * place + mean * std * density
    found = through(FUNCTIONS[ReLU], ChannelSpread(np.array([mean]), np.array([[std**2]])))
    assert found.mean[0] == pytest.approx(first, abs=0.01 * std)
    assert found.variance[0] == pytest.approx(second - first**2, abs=0.01 * std**2)


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.4, 0.8])
def test_two_relus_of_centered_channels(rho: float) -> None:
    """Cho and Saul 2009: (sqrt(1 - rho^2) + rho (pi - arccos rho)) / 2 pi, less the product of the means, 1 / 2 pi."""
    expected = (sqrt(1 - rho**2) + rho * (pi - acos(rho)) - 1) / (2 * pi)
    found = through(FUNCTIONS[ReLU], ChannelSpread(np.zeros(2), np.array([[1, rho], [rho, 1]])))
    assert found.covariance[0, 1] == pytest.approx(expected, abs=0.005)


def test_a_normalization_knows_its_means_and_variances() -> None:
    found = spreads(NETWORK, trained(NETWORK))
    weights = trained(NETWORK)
    assert found["norm1"].mean == pytest.approx(weights["norm1.bias"])
    assert found["norm1"].variance == pytest.approx(weights["norm1.weight"].astype(float) ** 2, rel=1e-4)
    # of a standardized picture the first layer makes a variance of the sum of squares of each filter
    filters = weights["conv1.weight"].reshape(4, -1).astype(float)
    assert found["conv1"].covariance == pytest.approx(filters @ filters.T)


def test_sums_of_branches_add_means_and_covariances() -> None:
    nodes = (
        Node("left", Conv2d(3, 1), ("input",)),
        Node("right", Conv2d(3, 1), ("input",)),
        Node("sum", Add(), ("left", "right")),
        Node("pool", GlobalAvgPool(), ("sum",)),
        Node("head", Linear(3), ("pool",)),
    )
    graph = Graph(SAMPLE, nodes, "head", "pool")
    found = spreads(graph, trained(graph))
    assert found["sum"].mean == pytest.approx(found["left"].mean + found["right"].mean)
    assert found["sum"].covariance == pytest.approx(found["left"].covariance + found["right"].covariance)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_channel_that_is_another_ones_multiple_goes_without_a_trace(factor: float) -> None:
    """Srinivas and Babu 2015: the weights that read it are added to those of its like, times the factor."""
    weights = trained(NETWORK)
    for name in ("conv1.weight", "norm1.weight", "norm1.bias", "norm1.running_mean", "norm1.running_var"):
        weights[name][3] = weights[name][1]
    for name in ("norm1.weight", "norm1.bias"):
        weights[name][3] *= factor
    for name in ("conv2.weight", "conv2.bias"):
        weights[name][4] = 0  # a dead channel for the second layer to lose
    expected, found = pruned_outputs(weights, gone=3)
    assert torch.allclose(expected, found, rtol=1e-4, atol=1e-5)
    moved = pruners["compensated"].model_validate(EXACT).prune(NETWORK, weights).weights["conv2.weight"]
    added = weights["conv2.weight"][:4, 1] + factor * weights["conv2.weight"][:4, 3]
    assert moved[:, 1] == pytest.approx(added, rel=1e-4, abs=1e-6)


def test_a_constant_channel_goes_into_the_bias() -> None:
    """Its filter is zero and its normalization adds 3: a 1x1 convolution that reads it adds 3 times its weight."""
    weights = trained(NETWORK)
    weights["conv1.weight"][2] = 0
    weights["norm1.running_mean"][2] = 0
    weights["norm1.bias"][2], weights["norm1.weight"][2] = 3, 1e-6
    for name in ("conv2.weight", "conv2.bias"):
        weights[name][4] = 0
    expected, found = pruned_outputs(weights, gone=2)
    assert torch.allclose(expected, found, rtol=1e-4, atol=1e-5)
    moved = pruners["compensated"].model_validate(EXACT).prune(NETWORK, weights).weights["conv2.bias"]
    assert moved == pytest.approx(weights["conv2.bias"][:4] + 3 * weights["conv2.weight"][:4, 2, 0, 0], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["resnet8", "wide_resnet", "ds_cnn"])
def test_standing_in_is_nearer_to_the_network_than_leaving_out(kind: str) -> None:
    """On random networks whose statistics are those of their inputs: the mean square of what the logits miss."""
    sample = SampleSpec(kind="image", shape=(1, 12, 12), num_classes=5)
    graph = models[kind]().declare(sample)
    module = build(graph).train()
    module.load_state_dict({name: torch.from_numpy(value) for name, value in initial(graph, 3).items()})
    x = batch_of(sample, 64)
    with torch.no_grad():
        for _ in range(40):
            module(x)
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    exact = outputs(graph, weights, x)
    missed = {}
    for name in ("magnitude", "compensated"):
        found = pruners[name].model_validate({"ratio": 0.25}).prune(graph, weights)
        missed[name] = float((outputs(found.graph, found.weights, x) - exact).square().mean() / exact.var(dim=0).mean())
    assert missed["compensated"] < 0.75 * missed["magnitude"], missed
