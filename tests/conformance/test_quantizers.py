"""What every quantizer must do, tested on every member and every model."""

import numpy as np
import pytest
from pydantic import ValidationError

from engine.core.errors import SpecError
from engine.core.streams import stream
from engine.datafree.export.runner import declared, rounding
from engine.datafree.quantizer import QuantInputs, Quantizer, quantizers
from engine.datafree.rounding.folding import fold
from engine.datafree.rounding.quantized import Quantized, quantized_tensors
from engine.datafree.rounding.quantized_state import from_arrays, quantized_bytes, to_arrays
from engine.models.graph import Graph
from tests.engine.datafree import tiny
from tests.engine.datafree.zoo import graphs, inputs_of, trained

KINDS = list(quantizers.members())
SMALL = {name: graph for name, graph in graphs().items() if graph.num_parameters < 300_000}
PAIRS = [pytest.param(kind, graph, id=f"{kind}-{name}") for kind in KINDS for name, graph in SMALL.items()]
SETTINGS = [
    pytest.param({}, id="int8"),
    pytest.param({"weight_bits": 4}, id="int4"),
    pytest.param({"per_channel": False}, id="per-tensor"),
    pytest.param({"per_channel": False, "symmetric": False, "weight_bits": 4}, id="zero-point"),
    pytest.param({"activation_bits": 32}, id="weights-only"),
]
LENET, NORMED = SMALL["lenet5"], tiny.graph()


def made(kind: str, **fields: object) -> Quantizer:
    own = {"steps": 2, "num_images": 4} if kind == "zeroq" else {}
    return quantizers[kind].model_validate({**own, **fields})


def inputs_for(graph: Graph, *, with_images: bool = True) -> QuantInputs:
    channels = graph.sample.shape[0]
    images = inputs_of(graph.sample, 8) if with_images else None
    return QuantInputs(np.full(channels, -2.0), np.full(channels, 2.0), stream(3, "quantizer"), images)


def quantized(quantizer: Quantizer, graph: Graph, *, with_images: bool = True) -> Quantized:
    """The model, whose own steps are taken in two cuts."""
    weights, inputs = trained(graph), inputs_for(graph, with_images=with_images)
    working, steps = None, quantizer.num_steps(graph, has_images=with_images)
    if steps:
        working = quantizer.begin(graph, weights, inputs)
        for first in range(steps):
            working = quantizer.advance(graph, weights, working, first, 1)
    return quantizer.quantize(graph, weights, inputs, working)


@pytest.mark.parametrize(("kind", "graph"), PAIRS)
def test_every_model_becomes_whole_numbers(kind: str, graph: Graph) -> None:
    quantizer = made(kind)
    found = quantized(quantizer, graph)
    assert set(found.grids) == set(quantized_tensors(found.graph))
    assert found.num_bytes == quantized_bytes(found.graph, quantizer)
    for name, weight in found.integers.items():
        assert weight.values.dtype == np.int8, name
        assert int(weight.values.min()) >= -127, name
        assert weight.scale.size == len(weight.values), name
    restored = from_arrays(found.graph, to_arrays(found))
    assert all(np.array_equal(restored.effective[name], value) for name, value in found.effective.items())
    assert restored.grids == found.grids


@pytest.mark.parametrize("fields", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("graph", [LENET, NORMED], ids=["lenet5", "normed"])
def test_weights_stay_within_a_step_and_their_bits(kind: str, graph: Graph, fields: dict[str, object]) -> None:
    quantizer = made(kind, **fields)
    found = quantized(quantizer, graph)
    exact = quantizer.prepared(fold(graph, trained(graph))).weights
    ends = {(8, True): (-127, 127), (4, True): (-7, 7), (8, False): (-128, 127), (4, False): (-8, 7)}
    low, high = ends[quantizer.weight_bits, quantizer.symmetric]
    for name, weight in found.integers.items():
        step = weight.scale.reshape(-1, *[1] * (weight.values.ndim - 1))
        # SQuant may take the other neighbor, and a zero point moves both ends by up to half a step
        assert np.abs(weight.dequantized() - exact[name]).max() <= 1.51 * step.max(), name
        assert weight.values.min() >= low, name
        assert weight.values.max() <= high, name
        assert weight.is_per_channel == quantizer.per_channel, name
    assert bool(found.grids) == (quantizer.activation_bits == 8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["resnet8", "mcmahan_cnn", "ds_cnn", "wide_resnet"])
def test_eight_bits_hardly_change_the_logits(kind: str, name: str) -> None:
    graph = graphs()[name]
    x = inputs_of(graph.sample, 24, seed=7)
    exact = declared(graph, trained(graph))(x)
    rounded = rounding(quantized(made(kind, ranges="images"), graph))(x)
    spread = exact.std(axis=1).mean()
    assert np.abs(rounded - exact).mean() < 0.08 * spread


@pytest.mark.parametrize("kind", KINDS)
def test_same_numbers_wherever_its_own_steps_are_cut(kind: str) -> None:
    quantizer, weights = made(kind, steps=3) if kind == "zeroq" else made(kind), trained(NORMED)
    first, second = (inputs_for(NORMED, with_images=False) for _ in range(2))
    whole = quantizer.begin(NORMED, weights, first)
    whole = quantizer.advance(NORMED, weights, whole, 0, 3)
    cut = quantizer.begin(NORMED, weights, second)
    for start, count in ((0, 1), (1, 2)):
        cut = quantizer.advance(NORMED, weights, cut, start, count)
    assert all(np.array_equal(whole[name], cut[name]) for name in whole)
    one, other = (quantizer.quantize(NORMED, weights, each, whole or None) for each in (first, second))
    assert all(np.array_equal(one.effective[name], other.effective[name]) for name in one.effective)
    assert one.grids == other.grids


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_without_normalization_needs_images_unless_activations_stay(kind: str) -> None:
    assert made(kind).check(LENET, has_images=True) == []
    (problem,) = made(kind).check(LENET, has_images=False)
    assert (problem.path, problem.code) == ("ranges", "no_ranges")
    assert "activation_bits: 32" in problem.message
    with pytest.raises(SpecError):
        quantized(made(kind), LENET, with_images=False)
    assert made(kind, activation_bits=32).check(LENET, has_images=False) == []
    assert quantized(made(kind, activation_bits=32), LENET, with_images=False).grids == {}
    assert made(kind).check(NORMED, has_images=False) == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_zero_point_a_channel_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError, match="symmetric: false needs per_channel: false"):
        made(kind, symmetric=False)
