"""The ONNX operators of each layer."""

from functools import singledispatch

import numpy as np

from engine.datafree.export.onnx_sheet import OnnxSheet
from engine.models.graph import Node
from engine.models.layer import Layer, Shapes
from engine.models.layers import (
    BATCH_NORM_EPSILON,
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Recurrent,
    ReLU,
    Sigmoid,
    Tanh,
)
from engine.models.layers.window import Pair, pair

GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""Order of the gates in ONNX by their place in torch: input, output, forget, cell of i f g o; update, reset, new of
r z n."""


@singledispatch
def emit(layer: Layer, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    """Write a layer's operators; the last gives the tensor of the node's name.

    Args:
        layer: the layer of the node, which decides.
        node: the node.
        inputs: shapes of what it reads.
        sheet: where to write.

    Raises:
        TypeError: the layer has no counterpart.
    """
    raise TypeError(f"no ONNX operator is known for the layer {type(layer).__name__}")


@emit.register
def _(layer: Conv2d, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    sheet.add(
        "Conv", [sheet.read(node.inputs[0]), *_with_bias(node, sheet)], node.name,
        kernel_shape=pair(layer.kernel_size), strides=pair(layer.stride), pads=_pads(layer.padding), group=layer.groups,
    )  # fmt: skip


@emit.register
def _(layer: Linear, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    source, (weight, *bias) = sheet.read(node.inputs[0]), _with_bias(node, sheet)
    if len(inputs[0]) == 1:
        sheet.add("Gemm", [source, weight, *bias], node.name, transB=1)
        return
    turned = sheet.add("Transpose", [weight], f"{node.name}_turned", perm=[1, 0])
    product = sheet.add("MatMul", [source, turned], f"{node.name}_product" if bias else node.name)
    if bias:
        sheet.add("Add", [product, *bias], node.name)


@emit.register
def _(layer: BatchNorm2d, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    names = ("weight", "bias", "running_mean", "running_var")
    learned = [sheet.weight(f"{node.name}.{name}") for name in names]
    sheet.add("BatchNormalization", [sheet.read(node.inputs[0]), *learned], node.name, epsilon=BATCH_NORM_EPSILON)


@emit.register
def _(layer: MaxPool2d, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    stride = layer.kernel_size if layer.stride is None else layer.stride
    sheet.add(
        "MaxPool", [sheet.read(node.inputs[0])], node.name,
        kernel_shape=pair(layer.kernel_size), strides=pair(stride), pads=_pads(layer.padding),
    )  # fmt: skip


@emit.register
def _(layer: AvgPool2d, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    stride = layer.kernel_size if layer.stride is None else layer.stride
    sheet.add(
        "AveragePool", [sheet.read(node.inputs[0])], node.name,
        kernel_shape=pair(layer.kernel_size), strides=pair(stride),
    )  # fmt: skip


@emit.register
def _(layer: GlobalAvgPool, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    pooled = sheet.add("GlobalAveragePool", [sheet.read(node.inputs[0])], f"{node.name}_pooled")
    sheet.add("Flatten", [pooled], node.name, axis=1)


@emit.register
def _(layer: Flatten, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    sheet.add("Flatten", [sheet.read(node.inputs[0])], node.name, axis=1)


@emit.register
def _(layer: Dropout, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    sheet.same(node.name, node.inputs[0])


@emit.register
def _(layer: Add, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    total = sheet.read(node.inputs[0])
    for place, name in enumerate(node.inputs[1:], start=2):
        is_last = place == len(node.inputs)
        total = sheet.add("Add", [total, sheet.read(name)], node.name if is_last else f"{node.name}_of_{place}")


@emit.register
def _(layer: Concat, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    sheet.add("Concat", [sheet.read(name) for name in node.inputs], node.name, axis=1)


@emit.register(ReLU)
@emit.register(Tanh)
@emit.register(Sigmoid)
def _(layer: Layer, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    operator = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}[layer.kind]
    sheet.add(operator, [sheet.read(node.inputs[0])], node.name)


@emit.register
def _(layer: Embedding, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    sheet.add("Gather", [sheet.weight(f"{node.name}.weight"), sheet.read(node.inputs[0])], node.name, axis=0)


@emit.register
def _(layer: Recurrent, node: Node, inputs: Shapes, sheet: OnnxSheet) -> None:
    name = node.name
    by_input, by_state, input_bias, state_bias = (
        _gates(layer, sheet.floats(f"{name}.{part}_l0")) for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    parts = [
        sheet.store(f"{name}.weight_ih_l0", by_input[np.newaxis]),
        sheet.store(f"{name}.weight_hh_l0", by_state[np.newaxis]),
        sheet.store(f"{name}.biases", np.concatenate([input_bias, state_bias])[np.newaxis]),
    ]
    by_time = sheet.add("Transpose", [sheet.read(node.inputs[0])], f"{name}_by_time", perm=[1, 0, 2])
    given: dict[str, int] = {"hidden_size": layer.hidden}
    if layer.cell == "gru":
        given["linear_before_reset"] = 1  # torch applies the state's weights before the reset gate
    states, last = f"{name}_states", f"{name}_last"
    outputs = [states] if layer.return_sequence else ["", last]
    found = sheet.add_several(layer.cell.upper(), [by_time, *parts], outputs, **given)
    if layer.return_sequence:  # (T, 1, B, H)
        one = sheet.add("Squeeze", [found, sheet.store(f"{name}_axis", np.array([1]))], f"{name}_forward")
        sheet.add("Transpose", [one], name, perm=[1, 0, 2])
    else:  # (1, B, H)
        sheet.add("Squeeze", [found, sheet.store(f"{name}_axis", np.array([0]))], name)


def _with_bias(node: Node, sheet: OnnxSheet) -> list[str]:
    names = [f"{node.name}.weight", f"{node.name}.bias"]
    return [sheet.weight(name) for name in names if sheet.has(name)]


def _gates(layer: Recurrent, weight: np.ndarray) -> np.ndarray:
    """Rows of a cell's weight, gate by gate, in the order of ONNX."""
    blocks = np.split(weight, layer.num_gates)
    return np.concatenate([blocks[place] for place in GATES[layer.cell]])


def _pads(padding: Pair) -> tuple[int, ...]:
    """Before and after, as ONNX wants it: both beginnings, then both ends."""
    return (*pair(padding), *pair(padding))
