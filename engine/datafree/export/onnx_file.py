"""A model as an ONNX file, of floats or of whole numbers with quantize and dequantize nodes."""

from collections.abc import Mapping

import numpy as np

from engine.datafree.export.onnx_layers import emit
from engine.datafree.export.onnx_sheet import IR_VERSION, OPSET, OnnxSheet
from engine.datafree.rounding.folding import fold
from engine.datafree.rounding.quantized import Grid, Quantized
from engine.models.graph import INPUT, Graph

LOGITS = "logits"
"""Name of the output in the file."""

BATCH = "batch"
"""Name of the axis that any number of samples fits in."""


def float_file(graph: Graph, weights: Mapping[str, np.ndarray], notes: Mapping[str, str] | None = None) -> bytes:
    """The ONNX file of a model with float32 weights, normalization folded into the layers before.

    Args:
        graph: the network.
        weights: its weights and buffers by name.
        notes: what the file says about itself.
    """
    model = fold(graph, weights)
    return _written(model.graph, OnnxSheet(model.weights), {}, notes or {})


def quantized_file(quantized: Quantized, notes: Mapping[str, str] | None = None) -> bytes:
    """The ONNX file of a quantized model: weights of 8 or 4 bits and biases of 32 bits are stored as whole numbers.

    Every activation on a grid passes a QuantizeLinear and a DequantizeLinear node, which a runtime joins with the
    layers around them into integer arithmetic.
    """
    return _written(quantized.graph, OnnxSheet(quantized.floats, quantized), quantized.grids, notes or {})


def _written(graph: Graph, sheet: OnnxSheet, grids: Mapping[str, Grid], notes: Mapping[str, str]) -> bytes:
    from onnx import TensorProto, checker, helper

    if INPUT in grids:
        sheet.on_grid(INPUT, grids[INPUT])
    for node in graph.nodes:
        emit(node.layer, node, graph.input_shapes(node), sheet)
        if node.name in grids:
            sheet.on_grid(node.name, grids[node.name])
    _name_logits(sheet, graph.output)
    kind = TensorProto.INT64 if graph.sample.kind == "tokens" else TensorProto.FLOAT
    given = helper.make_tensor_value_info(INPUT, kind, [BATCH, *graph.sample.shape])
    found = helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, [BATCH, *graph.shapes()[graph.output]])
    model = helper.make_model(
        helper.make_graph(sheet.nodes, "model", [given], [found], sheet.stored),
        producer_name="edgeloom", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)],
    )  # fmt: skip
    helper.set_model_props(model, {"sample": graph.sample.model_dump_json(), **notes})
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _name_logits(sheet: OnnxSheet, output: str) -> None:
    """Give the classifier's tensor its name in the file. Nothing reads it, and it is never on a grid; a node of that
    name further inside, which the network of a stranger may have, makes way.
    """
    if output == LOGITS:
        return
    for node in sheet.nodes:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name in (LOGITS, output):
                    names[place] = LOGITS if name == output else f"{LOGITS}_inside"
