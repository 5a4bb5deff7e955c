"""Peak memory of activations of an ONNX file, by liveness over its nodes: what a runtime must hold at least."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

VIEWS = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Transpose"})
"""Operators whose output lies in the memory of their input; of one sample, the files here transpose no more than the
batch axis, which is 1, and weights."""


def peak_activation_bytes(content: bytes) -> int:
    """Most bytes of activations alive at once when one sample is classified, from shapes and types in the file alone.

    A tensor lives from the node that makes it to the last that reads it, with that node's output beside it. Where a
    layer's output or the input goes to a QuantizeLinear node and nowhere else, by way of a ReLU or not, only the whole
    numbers are there, as integer kernels read and write them; a dequantized tensor is no tensor of its own.

    Args:
        content: the file.

    Raises:
        ValueError: the shape of a tensor does not follow from the file.
    """
    graph = _inferred(content)
    sizes, constants = _sizes(graph), {tensor.name for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if set(filter(None, node.input)) <= constants:  # weights that are stored as whole numbers
            constants |= set(node.output)
        else:
            nodes.append(node)
    given = [value.name for value in graph.input]
    place_of = _storage(nodes, given, constants)
    last = {place_of.get(name, name): step for step, node in enumerate(nodes) for name in node.input}
    last |= {place_of.get(value.name, value.name): len(nodes) for value in graph.output}
    alive, peak = {place_of.get(name, name) for name in given}, 0
    for step, node in enumerate(nodes):
        alive |= {place_of.get(name, name) for name in node.output if name}
        peak = max(peak, sum(sizes[name] for name in alive))
        alive = {name for name in alive if last.get(name, -1) > step}
    return peak


def _inferred(content: bytes) -> Any:
    """The graph with the shape of every tensor for a batch of one."""
    import onnx

    model = onnx.load_from_string(content)
    for value in (*model.graph.input, *model.graph.output):
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param:
                axis.dim_value = 1
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph


def _sizes(graph: Any) -> dict[str, int]:
    """Bytes of every tensor of known shape."""
    from onnx import helper

    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        axes = [axis.dim_value for axis in kind.shape.dim]
        if not all(axes):
            raise ValueError(f"the shape of {value.name} is not known")
        found[value.name] = int(np.prod(axes)) * helper.tensor_dtype_to_np_dtype(kind.elem_type).itemsize
    return found


def _storage(nodes: list[Any], given: list[str], constants: set[str]) -> dict[str, str]:
    """The tensor in whose memory each tensor lies, where that is another one."""
    readers = Counter(name for node in nodes for name in node.input)
    maker = {name: node for node in nodes for name in node.output}
    lies_in: dict[str, str] = {}
    for node in nodes:
        source, made = node.input[0], node.output[0]
        if node.op_type in VIEWS or node.op_type == "DequantizeLinear":
            lies_in[made] = source
        elif node.op_type == "Add" and not constants.isdisjoint(node.input):
            lies_in[made] = next(name for name in node.input if name not in constants)  # a bias, added in place
        elif node.op_type == "QuantizeLinear":
            origin = _viewed(source, maker)
            before = maker.get(origin)
            if before and before.op_type == "DequantizeLinear" and before.input[1:] == node.input[1:]:
                lies_in[made] = origin  # the same whole numbers again
            else:
                lies_in |= dict.fromkeys(_only_for(source, readers, maker, given), made)
    return {name: _end(name, lies_in) for name in lies_in}


def _only_for(name: str, readers: Counter[str], maker: dict[str, Any], given: list[str]) -> Iterator[str]:
    """The floats that are made for a QuantizeLinear node alone, from its input back over a ReLU and views."""
    while readers[name] == 1:
        yield name
        if name in given or maker[name].op_type not in {"Relu", *VIEWS}:
            return
        name = maker[name].input[0]


def _viewed(name: str, maker: dict[str, Any]) -> str:
    """The tensor that a view, or a view of a view, shows."""
    while name in maker and maker[name].op_type in VIEWS:
        name = maker[name].input[0]
    return name


def _end(name: str, lies_in: dict[str, str]) -> str:
    while name in lies_in:
        name = lies_in[name]
    return name
