"""Bits by layer under a budget: against every allocation, and in the exported file."""

from itertools import product

import numpy as np
import onnx
import pytest
from pydantic import ValidationError

from engine.core.streams import stream
from engine.datafree.export.files import export_quantized
from engine.datafree.export.runner import load, rounding
from engine.datafree.quantizer import QuantInputs, quantizers
from engine.datafree.rounding import allocation
from engine.datafree.rounding.allocation import allocated
from engine.datafree.rounding.quantized import Quantized
from engine.models.graph import Graph, chain
from engine.models.layers import Flatten, Linear, ReLU
from tests.engine.datafree import tiny
from tests.engine.datafree.zoo import inputs_of, trained

WIDE = chain(tiny.graph().sample, [
    ("flat", Flatten()), ("narrow", Linear(4)), ("relu", ReLU()), ("wide", Linear(40)), ("relu2", ReLU()),
    ("head", Linear(3)),
])  # fmt: skip


def quantized(graph: Graph, **fields: object) -> Quantized:
    channels = graph.sample.shape[0]
    given = QuantInputs(np.full(channels, -2.0), np.full(channels, 2.0), stream(1, "q"), inputs_of(graph.sample, 32))
    return quantizers["zeroq"].model_validate(fields).quantize(graph, trained(graph), given)


@pytest.mark.parametrize("seed", range(10))
def test_no_allocation_within_the_budget_loses_less(seed: int) -> None:
    draw = stream(seed, "allocation")
    costs, losses = draw.integers(1, 50, (7, 2)), draw.random((7, 2))
    budget = int(draw.integers(costs.min(axis=1).sum(), costs.sum()))
    layers = np.arange(7)
    every = [list(choice) for choice in product((0, 1), repeat=7) if costs[layers, choice].sum() <= budget]
    best = min(losses[layers, choice].sum() for choice in every)
    found = allocated(costs, losses, budget)
    assert costs[layers, found].sum() <= budget
    assert losses[layers, found].sum() == pytest.approx(best)


def test_a_long_frontier_is_thinned_and_keeps_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "MOST_POINTS", 20)
    draw = stream(0, "long")
    costs, losses = draw.integers(1, 10_000, (60, 2)), draw.random((60, 2))
    budget = int(costs.mean(axis=1).sum())
    found = allocated(costs, losses, budget)
    assert costs[np.arange(60), found].sum() <= budget
    monkeypatch.undo()
    exact = allocated(costs, losses, budget)
    assert losses[np.arange(60), found].sum() <= 1.1 * losses[np.arange(60), exact].sum()
    with pytest.raises(ValueError, match="more than 3"):
        allocated(costs, losses, 3)


def test_a_file_has_layers_of_both_and_keeps_to_the_budget() -> None:
    found = quantized(WIDE, mean_bits=6.5)
    assert {weight.bits for weight in found.integers.values()} == {4, 8}
    assert found.mean_bits <= 6.5
    file = export_quantized("m", found)
    assert (file.name, file.precision) == ("m.int8.onnx", "int8")
    kinds = {tensor.data_type for tensor in onnx.load_from_string(file.content).graph.initializer}
    assert {onnx.TensorProto.INT4, onnx.TensorProto.INT8} <= kinds
    x = inputs_of(WIDE.sample, 20, seed=4)
    np.testing.assert_allclose(load(file)(x), rounding(found)(x), atol=0.02)


def test_the_ends_are_the_plain_ones_and_more_bits_are_nearer() -> None:
    x = inputs_of(WIDE.sample, 20, seed=4)
    plain = {bits: rounding(quantized(WIDE, weight_bits=bits))(x) for bits in (4, 8)}
    for bits, answers in plain.items():
        assert np.array_equal(rounding(quantized(WIDE, mean_bits=bits))(x), answers)
    between = rounding(quantized(WIDE, mean_bits=6.5))(x)
    assert np.abs(between - plain[8]).mean() < np.abs(plain[4] - plain[8]).mean()


def test_what_cannot_be_asked() -> None:
    with pytest.raises(ValidationError, match="weight_bits: 4 has no say"):
        quantizers["zeroq"].model_validate({"mean_bits": 6, "weight_bits": 4})
    asked = quantizers["zeroq"].model_validate({"mean_bits": 6, "activation_bits": 32})
    (problem,) = asked.check(tiny.graph(norm=False), has_images=False)
    assert problem.path == "mean_bits"
    assert asked.check(tiny.graph(norm=False), has_images=True) == []
    assert asked.check(tiny.graph(), has_images=False) == []
    assert asked.num_steps(tiny.graph(), has_images=False) == asked.steps, "images are made, if only to choose bits"
