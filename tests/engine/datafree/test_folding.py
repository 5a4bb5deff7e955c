"""Folded normalization, and what its statistics tell, against numbers worked out by hand."""

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.datafree.export.runner import declared
from engine.datafree.rounding.folding import Moments, fold, fold_graph, statistics_of
from engine.datafree.rounding.ranges import by_statistics, mean_through, rectified, tells_all
from engine.models.graph import chain
from engine.models.layers import BatchNorm2d, Conv2d, Flatten, Linear, ReLU
from tests.engine.datafree.zoo import graphs, inputs_of, trained

SAMPLE = SampleSpec(kind="image", shape=(1, 2, 2), num_classes=2)
NORMED = {name for name, graph in graphs().items() if any(isinstance(node.layer, BatchNorm2d) for node in graph.nodes)}


@pytest.mark.parametrize("name", sorted(graphs()))
def test_the_folded_network_computes_the_same(name: str) -> None:
    graph = graphs()[name]
    weights, x = trained(graph), inputs_of(graph.sample, 3)
    found = fold(graph, weights)
    assert not any(isinstance(node.layer, BatchNorm2d) for node in found.graph.nodes)
    assert found.graph == fold_graph(graph)
    assert set(found.statistics) == statistics_of(graph)
    exact = declared(graph, weights)(x)
    assert np.abs(declared(found.graph, found.weights)(x) - exact).max() <= 2e-5 * np.abs(exact).max()


def test_normalization_goes_into_the_convolution_before_it() -> None:
    """Gamma 3, beta 1, mean 2, variance 4: factor 3 / 2, and (0.5 - 2) * 1.5 + 1 = -1.25."""
    graph = chain(SAMPLE, [
        ("conv", Conv2d(1, 1)), ("norm", BatchNorm2d()), ("flat", Flatten()), ("head", Linear(2)),
    ])  # fmt: skip
    weights = {**trained(graph), "conv.weight": np.full((1, 1, 1, 1), 4.0, np.float32)}
    weights |= {
        name: np.array([value], np.float32)
        for name, value in {
            "conv.bias": 0.5, "norm.weight": 3, "norm.bias": 1, "norm.running_mean": 2, "norm.running_var": 4 - 1e-5,
        }.items()
    }  # fmt: skip
    found = fold(graph, weights)
    assert [node.name for node in found.graph.nodes] == ["conv", "flat", "head"]
    assert found.weights["conv.weight"].item() == pytest.approx(6.0)
    assert found.weights["conv.bias"].item() == pytest.approx(-1.25)
    assert (found.statistics["conv"].mean.item(), found.statistics["conv"].std.item()) == (1, 3)


def test_normalization_without_a_convolution_becomes_one() -> None:
    """Gamma 3, beta 1, mean 2, variance 4: 1.5 x - 2; and its input has mean 2 and deviation 2."""
    graph = chain(SAMPLE, [("norm", BatchNorm2d()), ("act", ReLU()), ("flat", Flatten()), ("head", Linear(2))])
    values = {"weight": 3, "bias": 1, "running_mean": 2, "running_var": 4 - 1e-5}
    weights = trained(graph) | {f"norm.{name}": np.array([value], np.float32) for name, value in values.items()}
    found = fold(graph, weights)
    assert found.graph.nodes[0].layer == Conv2d(1, 1, groups=1)
    assert found.weights["norm.weight"].item() == pytest.approx(1.5)
    assert found.weights["norm.bias"].item() == pytest.approx(-2.0)
    assert (found.statistics["input"].mean.item(), found.statistics["norm"].mean.item()) == (2, 1)


def test_moments_of_a_rectified_normal() -> None:
    """E max(0, x) of N(0, 1) is 1 / sqrt(2 pi), and its variance 1/2 - 1 / (2 pi)."""
    found = rectified(Moments(np.array([0.0, 5.0, -9.0]), np.array([1.0, 0.0, 1.0])))
    assert found.mean == pytest.approx([1 / np.sqrt(2 * np.pi), 5.0, 0.0], abs=1e-9)
    assert found.std[:2] ** 2 == pytest.approx([0.5 - 1 / (2 * np.pi), 0.0], abs=1e-9)


def test_ranges_follow_from_statistics() -> None:
    """Mean 1, deviation 3, two sigmas: -5 to 7, rectified 0 to 7."""
    graph = chain(SAMPLE, [
        ("conv", Conv2d(1, 1)), ("norm", BatchNorm2d()), ("act", ReLU()), ("flat", Flatten()), ("head", Linear(2)),
    ])  # fmt: skip
    weights = trained(graph) | {"norm.weight": np.array([3], np.float32), "norm.bias": np.array([1], np.float32)}
    weights |= {"head.weight": np.array([[1, 2, 3, 4], [0, 0, 0, 1]], np.float32), "head.bias": np.zeros(2, np.float32)}
    found = by_statistics(fold(graph, weights), 2.0, np.array([-1.0]), np.array([1.0]))
    assert (found["conv"].low.item(), found["conv"].high.item()) == (-5, 7)
    assert (found["act"].low.item(), found["act"].high.item()) == (0, 7)
    assert found["flat"].high.tolist() == [7] * 4
    moments = rectified(Moments(np.array([1.0]), np.array([3.0])))
    assert found["head"].moments is not None
    assert found["head"].moments.mean == pytest.approx([10 * moments.mean.item(), moments.mean.item()])
    assert found["head"].moments.std == pytest.approx([np.sqrt(30) * moments.std.item(), moments.std.item()])


def test_grouped_convolutions_read_the_means_of_their_own_channels() -> None:
    weight = np.arange(16, dtype=np.float64).reshape(4, 2, 2, 1)
    found = mean_through(Conv2d(4, (2, 1), groups=2), weight, np.array([1.0, 10.0, 100.0, 1000.0]))
    assert found.tolist() == [1 + 50, 9 + 130, 1700 + 21000, 2500 + 29000]


def test_models_whose_normalization_tells_every_range() -> None:
    assert {name for name, graph in graphs().items() if tells_all(graph)} == NORMED
