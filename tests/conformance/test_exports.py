"""What every exported file must do, tested on every model: it says what the model in memory says."""

from collections import Counter
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from engine.core.streams import stream
from engine.datafree.export.files import Exported, Format, export, export_quantized
from engine.datafree.export.liveness import peak_activation_bytes
from engine.datafree.export.onnx_file import LOGITS
from engine.datafree.export.runner import declared, load, rounding
from engine.datafree.fleet.footprint import footprint
from engine.datafree.quantizer import QuantInputs, quantizers
from engine.datafree.rounding.folding import fold_graph
from engine.datafree.rounding.quantized import Quantized, quantizable
from engine.datafree.rounding.quantized_module import rounded
from engine.models.graph import INPUT, Graph
from engine.models.model_file import ModelCard
from engine.models.profile import profile
from tests.engine.datafree.zoo import graphs, inputs_of, trained

GRAPHS = graphs()
ALL = [pytest.param(graph, id=name) for name, graph in GRAPHS.items()]
TRACED = [
    pytest.param(graph, id=name, marks=() if name == "lenet5" else pytest.mark.full) for name, graph in GRAPHS.items()
]
"""Tracing takes seconds a model."""


def file_of(graph: Graph, format_: Format) -> Exported:
    (found,) = export("model", trained(graph), ModelCard(graph), (format_,))
    return found


def everything(content: bytes, x: np.ndarray) -> dict[str, np.ndarray]:
    """All dequantized tensors of a file, and its logits."""
    model = onnx.load_from_string(content)
    names = [node.output[0] for node in model.graph.node if node.output[0].endswith("_dequantized")]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip([LOGITS, *names], session.run(None, {INPUT: x}), strict=True))


def tensor_in(said: dict[str, np.ndarray], name: str) -> np.ndarray | None:
    return said.get(f"{name}_dequantized")


@cache
def quantized(graph: Graph, bits: int) -> Quantized:
    channels = graph.sample.shape[0]
    images = inputs_of(graph.sample, 8)
    inputs = QuantInputs(np.full(channels, -2.0), np.full(channels, 2.0), stream(3, "quantizer"), images)
    return quantizers["dfq"].model_validate({"weight_bits": bits}).quantize(graph, trained(graph), inputs)


def assert_same(exported: Exported, graph: Graph) -> None:
    """Any number of samples, and the same logits but for the order of sums."""
    run, model = load(exported), declared(graph, trained(graph))
    for count in (1, 5):
        x = inputs_of(graph.sample, count)
        exact = model(x)
        assert run(x).shape == exact.shape
        assert np.abs(run(x) - exact).max() <= 1e-5 * max(1.0, np.abs(exact).max())


@pytest.mark.parametrize("format_", ["safetensors", "onnx"])
@pytest.mark.parametrize("graph", ALL)
def test_a_file_of_floats_is_the_model(graph: Graph, format_: Format) -> None:
    assert_same(file_of(graph, format_), graph)


@pytest.mark.slow
@pytest.mark.parametrize("graph", TRACED)
def test_a_traced_file_is_the_model(graph: Graph) -> None:
    assert_same(file_of(graph, "torch_export"), graph)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("graph", ALL)
def test_every_layer_of_a_quantized_file_is_within_a_step_of_the_rounded_model(graph: Graph, bits: int) -> None:
    model, x = quantized(graph, bits), inputs_of(graph.sample, 6, seed=5)
    content = export_quantized("model", model).content
    said, inner = everything(content, x), model.module().inner
    for node in model.graph.nodes:
        sources = [torch.from_numpy(tensor_in(said, name)) for name in node.inputs if tensor_in(said, name) is not None]
        grid = model.grids.get(node.name)
        if grid is None or len(sources) < len(node.inputs):
            continue  # one with a ReLU, or a layer of floats
        exact = rounded(inner.get_submodule(node.name)(*sources), grid).numpy()
        assert np.abs(said[f"{node.name}_dequantized"] - exact).max() <= 1.01 * grid.scale, node.name


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("graph", ALL)
def test_a_quantized_file_says_what_the_rounded_model_says(graph: Graph, bits: int) -> None:
    model = quantized(graph, bits)
    exported = export_quantized("model", model)
    assert (exported.name, exported.precision) == (f"model.int{bits}.onnx", f"int{bits}")
    x = inputs_of(graph.sample, 16, seed=5)
    said, meant = load(exported)(x), rounding(model)(x)
    # where a value lies between two steps, another order of sums takes the other, and later layers follow
    assert np.abs(said - meant).mean() <= 0.05 * meant.std()


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("graph", ALL)
def test_whole_numbers_are_stored_and_every_activation_passes_a_grid(graph: Graph, bits: int) -> None:
    model = quantized(graph, bits)
    content = export_quantized("model", model).content
    found = onnx.load_from_string(content).graph
    types = Counter(tensor.data_type for tensor in found.initializer if tensor.name.endswith("weight_quantized"))
    assert types == {onnx.TensorProto.INT8 if bits == 8 else onnx.TensorProto.INT4: len(quantizable(model.graph))}
    biases = [tensor for tensor in found.initializer if tensor.name.endswith("bias_quantized")]
    assert {tensor.data_type for tensor in biases} <= {onnx.TensorProto.INT32}
    assert len(biases) == len(model.integer_biases)
    operators = Counter(node.op_type for node in found.node)
    assert operators["QuantizeLinear"] == len(model.grids)
    assert operators["DequantizeLinear"] == len(model.grids) + len(model.integers) + len(biases)
    assert not operators["BatchNormalization"]
    overhead = 600 * len(found.node)  # names and attributes
    assert len(content) <= model.num_bytes + overhead


@pytest.mark.parametrize("graph", ALL)
def test_peak_memory_of_the_file_is_the_declared_one(graph: Graph) -> None:
    assert peak_activation_bytes(file_of(graph, "onnx").content) == profile(fold_graph(graph)).peak_activation_bytes


@pytest.mark.parametrize("precision", ["int8", "int4"])
@pytest.mark.parametrize("graph", [each for each in ALL if each.values[0].sample.kind == "image"])
def test_peak_memory_of_whole_numbers_is_the_declared_one(graph: Graph, precision: str) -> None:
    content = export_quantized("model", quantized(graph, int(precision[3:]))).content
    assert peak_activation_bytes(content) == footprint(graph, precision).activation_bytes


@pytest.mark.slow
def test_the_same_model_gives_the_same_files() -> None:
    graph = GRAPHS["lenet5"]
    for format_ in ("safetensors", "onnx", "torch_export"):
        assert file_of(graph, format_).content == file_of(graph, format_).content
