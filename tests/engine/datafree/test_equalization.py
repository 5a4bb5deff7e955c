"""Equalization, absorption and bias correction against numbers worked out by hand."""

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.datafree.export.runner import declared
from engine.datafree.quantizer import QuantInputs, quantizers
from engine.datafree.rounding.equalization import absorbed, couples, equalized
from engine.datafree.rounding.folding import Folded, Moments, fold
from engine.datafree.rounding.quantized import quantizable
from engine.models.graph import Graph, chain
from engine.models.layer import Layer
from engine.models.layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Tanh
from tests.engine.datafree.zoo import graphs, inputs_of, trained

VECTOR = SampleSpec(kind="features", shape=(2,), num_classes=2)
RELU = ReLU()
PICTURE = SampleSpec(kind="image", shape=(1, 6, 6), num_classes=3)


def two_layers(between: Layer = RELU) -> Graph:
    return chain(VECTOR, [("first", Linear(2)), ("act", between), ("second", Linear(2))])


def model(graph: Graph, **statistics: Moments) -> Folded:
    """Channel 0 of the first layer has weights up to 8, channel 1 up to 0.5; the second reads both by 2 at most."""
    weights = {
        "first.weight": np.array([[8, -2], [0.25, 0.5]], dtype=np.float32),
        "first.bias": np.array([4, 1], dtype=np.float32),
        "second.weight": np.array([[2, -1], [1, 2]], dtype=np.float32),
        "second.bias": np.array([0, 1], dtype=np.float32),
    }
    return Folded(graph, weights, statistics)


def test_two_layers_are_equalized_as_the_equation_says() -> None:
    """r1 = (8, 0.5), r2 = (2, 2): s = sqrt(r1 r2) / r2 = (4 / 2, 1 / 2) = (2, 0.5)."""
    moments = Moments(np.array([4.0, 1.0]), np.array([1.0, 2.0]))
    found = equalized(model(two_layers(), first=moments))
    assert np.allclose(found.weights["first.weight"], [[4, -1], [0.5, 1]])
    assert np.allclose(found.weights["first.bias"], [2, 2])
    assert np.allclose(found.weights["second.weight"], [[4, -0.5], [2, 1]])
    assert np.allclose(found.weights["second.bias"], [0, 1])
    assert np.allclose(found.statistics["first"].mean, [2, 2])
    assert np.allclose(found.statistics["first"].std, [0.5, 4])


def test_a_factor_does_not_go_through_tanh() -> None:
    before = model(two_layers(Tanh()))
    assert couples(before.graph) == ()
    found = equalized(before)
    assert all(np.array_equal(found.weights[name], value) for name, value in before.weights.items())


def test_a_channel_that_nothing_reads_is_left() -> None:
    before = model(two_layers())
    before.weights["second.weight"][:, 1] = 0  # type: ignore[index]
    found = equalized(before)
    assert np.allclose(found.weights["first.weight"][1], [0.25, 0.5])


@pytest.mark.parametrize("name", ["resnet8", "ds_cnn", "mobilenet", "vgg11", "mcmahan_cnn", "wide_resnet"])
def test_the_network_computes_the_same_and_ranges_are_equal(name: str) -> None:
    graph = graphs()[name]
    before = fold(graph, trained(graph))
    found, x = equalized(before), inputs_of(graph.sample, 3)
    exact = declared(before.graph, before.weights)(x)
    assert np.abs(declared(found.graph, found.weights)(x) - exact).max() <= 2e-5 * np.abs(exact).max()
    pairs = couples(before.graph)
    assert pairs
    for pair in pairs:
        if isinstance(pair.second.layer, Conv2d) and pair.second.layer.groups == 1:
            ahead = np.abs(found.weights[f"{pair.first.name}.weight"]).reshape(pair.channels, -1).max(axis=1)
            behind = np.abs(found.weights[f"{pair.second.name}.weight"]).max(axis=(0, 2, 3))
            assert np.allclose(ahead, behind, rtol=0.05), (pair.first.name, pair.second.name)


def test_a_factor_goes_through_pools_and_flatten_to_every_pixel_of_its_channel() -> None:
    graph = chain(PICTURE, [
        ("conv", Conv2d(4, 3, padding=1)), ("act", ReLU()), ("pool", MaxPool2d(2)), ("mean", AvgPool2d(3)),
        ("flat", Flatten()), ("head", Linear(3)),
    ])  # fmt: skip
    (pair,) = couples(graph)
    assert [node.name for node in pair.between] == ["act", "pool", "mean", "flat"]
    before, x = fold(graph, trained(graph)), inputs_of(PICTURE, 4)
    found = equalized(before)
    assert not np.allclose(found.weights["conv.weight"], before.weights["conv.weight"])
    exact = declared(graph, before.weights)(x)
    assert np.abs(declared(graph, found.weights)(x) - exact).max() <= 1e-5


def test_high_biases_are_absorbed_by_the_next_layer() -> None:
    """Means (4, 1), deviations (1, 2): c = max(0, mean - 3 deviations) = (1, 0)."""
    moments = Moments(np.array([4.0, 1.0]), np.array([1.0, 2.0]))
    before = model(two_layers(), first=moments)
    found = absorbed(before)
    assert np.allclose(found.weights["first.bias"], [3, 1])
    assert np.allclose(found.weights["second.bias"], [2, 2])  # W2 c = (2, 1)
    assert np.allclose(found.statistics["first"].mean, [3, 1])
    above = np.array([[0.0, 0.0], [0.5, -0.5], [1.0, 2.0]], dtype=np.float32)  # first outputs stay above c
    assert np.allclose(declared(found.graph, found.weights)(above), declared(before.graph, before.weights)(above))


def test_nothing_is_absorbed_over_padding() -> None:
    graph = chain(PICTURE, [
        ("first", Conv2d(2, 1)), ("act", ReLU()), ("second", Conv2d(2, 3, padding=1)), ("relu", ReLU()),
        ("flat", Flatten()), ("head", Linear(3)),
    ])  # fmt: skip
    weights = trained(graph)
    found = absorbed(Folded(graph, weights, {"first": Moments(np.array([9.0, 9.0]), np.array([1.0, 1.0]))}))
    assert all(np.array_equal(found.weights[name], value) for name, value in weights.items())


def test_a_bias_makes_up_for_the_mean_error_of_its_weights() -> None:
    """With inputs of a fixed mean, the mean output of every layer is the exact one again."""
    graph = chain(VECTOR, [("first", Linear(3)), ("act", ReLU()), ("head", Linear(2))])
    weights = {
        "first.weight": np.array([[1.0, 0.3], [-0.7, 1.0], [0.45, 1.0]], dtype=np.float32),
        "first.bias": np.zeros(3, dtype=np.float32),
        "head.weight": np.array([[1.0, 0.4, 0.2], [0.6, 1.0, -0.3]], dtype=np.float32),
        "head.bias": np.zeros(2, dtype=np.float32),
    }
    images = np.abs(stream(1, "x").normal(1.0, 0.5, (64, 2))).astype(np.float32)
    inputs = QuantInputs(np.zeros(2), np.full(2, 4.0), stream(0, "q"), images)
    chosen = {"weight_bits": 4, "activation_bits": 32, "equalize": False, "absorb": False}
    for corrects in (True, False):
        quantizer = quantizers["dfq"].model_validate({**chosen, "activation_bits": 8, "correct_bias": corrects})
        found = quantizer.quantize(graph, weights, inputs)
        first = quantizable(found.graph)[0].name
        error = found.integers[f"{first}.weight"].dequantized() - weights["first.weight"]
        shift = error @ images.mean(axis=0)
        assert np.abs(shift).max() > 0.01
        assert np.allclose(found.floats["first.bias"], -shift if corrects else 0, atol=1e-6)
