"""Exported files: their memory by hand, what their check finds, and what they say about themselves."""

import json
from collections.abc import Mapping

import numpy as np
import onnx
import pytest

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.datafree.export.files import export, export_quantized
from engine.datafree.export.liveness import peak_activation_bytes
from engine.datafree.export.onnx_file import float_file, quantized_file
from engine.datafree.export.runner import declared, load, onnx_runner, rounding
from engine.datafree.export.verification import Tally, latency, verify
from engine.datafree.quantizer import QuantInputs, quantizers
from engine.datafree.rounding.quantized import Grid, Quantized
from engine.models.graph import Graph, chain
from engine.models.layers import Add, Conv2d, Flatten, GlobalAvgPool, Linear, MaxPool2d, ReLU
from engine.models.model_file import ModelCard
from engine.models.sketch import Sketch
from tests.engine.datafree.zoo import graphs, inputs_of, trained

SAMPLE = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=3)


def residual() -> Graph:
    """An input of 64 numbers, three maps of 256, and a sum."""
    sketch = Sketch(SAMPLE)
    sketch.add("conv1", Conv2d(4, 3, padding=1))
    start = sketch.add("relu1", ReLU())
    sketch.add("conv2", Conv2d(4, 3, padding=1))
    sketch.add("sum", Add(), sketch.last, start)
    sketch.add("pool", GlobalAvgPool())
    return sketch.finish()


def plain() -> Graph:
    return chain(SAMPLE, [
        ("conv", Conv2d(4, 3, padding=1)), ("relu", ReLU()), ("pool", MaxPool2d(2)), ("flat", Flatten()),
        ("head", Linear(3)),
    ])  # fmt: skip


def quantized(graph: Graph, **fields: object) -> Quantized:
    inputs = QuantInputs(np.array([-2.0]), np.array([2.0]), stream(0, "q"), inputs_of(graph.sample, 16))
    return quantizers["squant"].model_validate(fields).quantize(graph, trained(graph), inputs)


@pytest.mark.parametrize(
    ("graph", "floats", "whole"),
    [
        # floats: 4 (256 + 256 + 256), the sum beside both that it reads; whole: the same a byte each
        (residual(), 4 * 768, 768),
        # floats: 4 (256 + 256), the ReLU beside the convolution; whole: both are one, 256 beside the pool's 64
        (plain(), 4 * 512, 256 + 64),
    ],
    ids=["residual", "plain"],
)
def test_peak_memory_by_hand(graph: Graph, floats: int, whole: int) -> None:
    assert peak_activation_bytes(float_file(graph, trained(graph))) == floats
    for bits in (8, 4):
        assert peak_activation_bytes(quantized_file(quantized(graph, weight_bits=bits))) == whole


def test_weights_alone_leave_activations_floats() -> None:
    content = quantized_file(quantized(plain(), activation_bits=32))
    assert peak_activation_bytes(content) == 4 * 512
    assert "QuantizeLinear" not in {node.op_type for node in onnx.load_from_string(content).graph.node}


@pytest.mark.parametrize(("low", "high"), [(-2.0, 2.0), (0.0, 5.1), (-0.3, 0.0), (1.0, 3.0), (-7.0, -1.0)])
def test_a_grid_holds_zero_and_both_ends(low: float, high: float) -> None:
    grid = Grid.over(low, high)
    assert -128 <= grid.zero_point <= 127
    assert grid.scale * grid.lowest_step == pytest.approx(min(low, 0), abs=grid.scale)
    assert grid.scale * grid.highest_step == pytest.approx(max(high, 0), abs=grid.scale)
    assert grid.highest_step - grid.lowest_step == 255


def test_the_logits_are_the_classifier_whatever_a_network_calls_its_layers() -> None:
    layers = [("logits", Conv2d(4, 3)), ("relu", ReLU()), ("flat", Flatten()), ("out", Linear(3)), ("top", Linear(3))]
    graph = chain(SAMPLE, layers)
    weights, x = trained(graph), inputs_of(SAMPLE, 5)
    exact = onnx_runner(float_file(graph, weights))(x)
    hidden = np.maximum(sum_of_convolution(x, weights), 0).reshape(5, -1)
    for name in ("out", "top"):
        hidden = hidden @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    np.testing.assert_allclose(exact, hidden, rtol=1e-4, atol=1e-4)
    whole = onnx_runner(quantized_file(quantized(graph)))(x)
    assert np.abs(whole - exact).max() < 0.1 * np.abs(exact).max()


def sum_of_convolution(x: np.ndarray, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """The first layer by its definition."""
    places = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    found = np.einsum("nchwij,ocij->nohw", places, weights["logits.weight"])
    return np.asarray(found + weights["logits.bias"].reshape(-1, 1, 1))


def test_a_true_file_is_found_true() -> None:
    graph, x = plain(), inputs_of(SAMPLE, 40)
    model = declared(graph, trained(graph))
    y = model(x).argmax(1)
    for exported in export("student", trained(graph), ModelCard(graph), ("safetensors", "onnx")):
        found = verify(exported, model, x, y)
        assert found.tally.accuracy == found.tally.agreement == 1.0
        assert found.tally.num_samples == 40
        assert found.tally.max_abs_difference < 1e-5
        assert found.num_bytes == len(exported.content)
        assert 0 < found.latency.low_s <= found.latency.median_s <= found.latency.high_s
    whole = quantized(graph)
    exported = export_quantized("student", whole)
    assert exported.name == "student.int8.onnx"
    assert verify(exported, rounding(whole), x, y).tally.agreement == 1.0


def test_a_wrong_file_is_found_wrong() -> None:
    """The check runs the file's own bytes: other weights in it give other answers."""
    graph, x = plain(), inputs_of(SAMPLE, 40)
    model = declared(graph, trained(graph))
    y = model(x).argmax(1)
    for exported in export("student", trained(graph, seed=2), ModelCard(graph), ("safetensors", "onnx")):
        found = verify(exported, model, x, y)
        assert found.tally.accuracy < 0.9
        assert found.tally.max_abs_difference > 0.1


def test_tallies_add_up() -> None:
    assert Tally(4, 2, 3, 0.5) + Tally(6, 4, 6, 0.2) == Tally(10, 6, 9, 0.5)
    assert (Tally(10, 6, 9, 0.5).accuracy, Tally(10, 6, 9, 0.5).agreement) == (0.6, 0.9)


def test_latency_is_of_one_sample() -> None:
    sizes = []
    found = latency(lambda x: sizes.append(len(x)) or x, np.zeros((1, 3)))
    assert set(sizes) == {1}
    assert found.num_runs == len(sizes) - 3


def test_a_file_says_what_goes_in() -> None:
    content = float_file(plain(), trained(plain()), {"mean": "0.13"})
    model = onnx.load_from_string(content)
    notes = {entry.key: entry.value for entry in model.metadata_props}
    assert SampleSpec.model_validate(json.loads(notes["sample"])) == SAMPLE
    assert notes["mean"] == "0.13"
    assert [each.name for each in (*model.graph.input, *model.graph.output)] == ["input", "logits"]


@pytest.mark.slow
def test_int8_is_a_quarter_and_int4_an_eighth_of_the_file() -> None:
    graph = graphs()["mcmahan_cnn"]
    (whole,) = export("m", trained(graph), ModelCard(graph), ("onnx",))
    inputs = QuantInputs(np.full(3, -2.0), np.full(3, 2.0), stream(0, "q"), inputs_of(graph.sample, 4))
    for bits, share in ((8, 0.26), (4, 0.135)):
        model = quantizers["dfq"].model_validate({"weight_bits": bits}).quantize(graph, trained(graph), inputs)
        assert len(export_quantized("m", model).content) < share * len(whole.content)


def test_a_huge_bias_keeps_to_32_bits() -> None:
    """A channel without weights would have a scale so small that its bias in units of it overflows."""
    graph = plain()
    weights = trained(graph)
    weights["conv.weight"][0] *= np.float32(1e-12)
    weights["conv.bias"][0] = 3
    x = inputs_of(SAMPLE, 8)
    inputs = QuantInputs(np.array([-2.0]), np.array([2.0]), stream(0, "q"), x)
    found = quantizers["squant"]().quantize(graph, weights, inputs)
    assert found.effective["conv.bias"][0] == pytest.approx(3, rel=1e-6)
    exact = declared(graph, weights)(x)
    said = onnx_runner(quantized_file(found))(x)
    assert np.abs(said - exact).max() < 0.05 * np.abs(exact).max()
    assert load(export_quantized("m", found))(x).shape == exact.shape
