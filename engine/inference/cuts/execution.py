"""Runs a split network piece by piece on real tensors; the only module of this package that knows torch.

A piece sees nothing but the parts that messages bring it, so that a joined output that equals the whole network's shows
that the pieces and their messages are complete.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.core.errors import EngineError
from engine.inference.cuts.parts import AXES, WINDOWS, Part, common, input_part, needs, rows_read, window_of
from engine.inference.cuts.pieces import SINK, SOURCE, Message, Piece, Pieces
from engine.models.build import GraphModule
from engine.models.graph import Graph, Node
from engine.models.layers import AvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d

Held = list[tuple[Part, Tensor]]
"""Parts that a piece has, with their values; each tensor has a leading batch axis."""


def execute(module: GraphModule, pieces: Pieces, x: Tensor) -> Tensor:
    """The logits that the pieces compute together.

    Args:
        module: the whole network in inference mode; its weights are used, its forward pass is not.
        pieces: of its graph.
        x: (B, *sample.shape) inputs.

    Returns:
        (B, K) or (B, T, K) logits, as put together at the sink.

    Raises:
        EngineError: a piece lacks what it needs.
    """
    return assembled(module.graph, Part(module.graph.output), answers(module, pieces, x))


def joined(module: GraphModule, pieces: Pieces, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of students, and (B, F) what the last layer gets of all of them; see :func:`execute`.

    Args:
        module: all students.
        pieces: one per student, and the last layer.
        x: (B, *sample.shape) inputs.
    """
    outbox: dict[str, Held] = {SOURCE: [(input_part(), x)]}
    with torch.no_grad():
        for piece in pieces.pieces[:-1]:
            outbox[piece.name] = run_piece(module, piece, received(pieces, module.graph, piece.name, outbox))
        features = torch.cat([value for _, value in received(pieces, module.graph, pieces.pieces[-1].name, outbox)], 1)
        head = cast(nn.Module, getattr(module, module.graph.output))
        return cast(Tensor, head(features)), features


def answers(module: GraphModule, pieces: Pieces, x: Tensor) -> Held:
    """All that comes to the sink, in the order of the messages; see :func:`execute`."""
    outbox: dict[str, Held] = {SOURCE: [(input_part(), x)]}
    with torch.no_grad():
        for piece in pieces.pieces:
            outbox[piece.name] = run_piece(module, piece, received(pieces, module.graph, piece.name, outbox))
    return received(pieces, module.graph, SINK, outbox)


def received(pieces: Pieces, graph: Graph, target: str, outbox: Mapping[str, Held]) -> Held:
    """What messages bring to a piece, or to the sink."""
    mine = [message for message in pieces.messages if message.target == target]
    return [(message.part, _carried(graph, message, outbox)) for message in mine]


def _carried(graph: Graph, message: Message, outbox: Mapping[str, Held]) -> Tensor:
    value = assembled(graph, message.part, outbox[message.source])
    return value if message.bits == 32 else rounded(value, message.bits)


def rounded(value: Tensor, bits: int) -> Tensor:
    """What arrives of a tensor in whole numbers: 2^bits even steps from its least to its largest value, per sample.

    No value is off by more than half a step.
    """
    flat = value.flatten(1)
    low, high = flat.amin(dim=1), flat.amax(dim=1)
    shape = (-1, *[1] * (value.ndim - 1))
    step = ((high - low) / (2**bits - 1)).clamp_min(torch.finfo(value.dtype).tiny).reshape(shape)
    restored: Tensor = torch.round((value - low.reshape(shape)) / step) * step + low.reshape(shape)
    return restored


def run_piece(module: GraphModule, piece: Piece, inputs: Held) -> Held:
    """What a piece computes from what it was sent.

    Args:
        module: whose weights it uses.
        piece: what to compute.
        inputs: the parts that it was sent.
    """
    nodes = {node.name: node for node in module.graph.nodes}
    held: Held = list(inputs)
    made: Held = []
    for part in piece.parts:
        node = nodes[part.tensor]
        by_name = {need.tensor: assembled(module.graph, need, held) for need in needs(module.graph, part)}
        values = [by_name[name] for name in node.inputs if name in by_name]
        output = _compute(module, node, part, values)
        held.append((part, output))
        made.append((part, output))
    return made


def assembled(graph: Graph, need: Part, held: Held) -> Tensor:
    """A part, put together from parts that are there.

    Raises:
        EngineError: some of it is missing.
    """
    found = [(part, value) for part, value in held if part.tensor == need.tensor]
    for part, value in found:
        if part.axis == "whole":
            return _range(value, need, 0)
    if not found:
        raise EngineError(f"{need.name} is not here")
    axis = found[0][0].axis
    size = graph.shapes()[need.tensor][AXES[axis]]
    start, stop = (0, size) if need.axis == "whole" else (need.start, need.stop)
    return torch.cat(_in_order(Part(need.tensor, axis, start, stop), found), dim=AXES[axis] + 1)


def _in_order(need: Part, found: Sequence[tuple[Part, Tensor]]) -> list[Tensor]:
    """Slices that together are the part, from its start to its stop."""
    values, reached = [], need.start
    for part, value in sorted(found, key=lambda one: one[0].start):
        shared = common(Part(need.tensor, need.axis, reached, need.stop), part) if reached < need.stop else None
        if shared is not None and shared.start == reached:
            values.append(_range(value, shared, part.start))
            reached = shared.stop
    if reached < need.stop:
        raise EngineError(f"{need.name} is not here from {reached} on")
    return values


def _range(value: Tensor, need: Part, offset: int) -> Tensor:
    if need.axis == "whole":
        return value
    return value.narrow(AXES[need.axis] + 1, need.start - offset, need.stop - need.start)


def _compute(module: GraphModule, node: Node, part: Part, values: Sequence[Tensor]) -> Tensor:
    child = cast(nn.Module, getattr(module, node.name))
    match part.axis:
        case "rows" if isinstance(node.layer, WINDOWS):
            return _window(child, module.graph, node, part, values[0])
        case "channels":
            return _channels(child, node, part, values)
        case _:
            return cast(Tensor, child(*values))


def _window(child: nn.Module, graph: Graph, node: Node, part: Part, x: Tensor) -> Tensor:
    """Rows of a window's output: what lies outside of the picture is padded, what lies in other tiles was sent."""
    kernel, stride, padding = window_of(node)
    first = part.start * stride[0] - padding[0]
    last = (part.stop - 1) * stride[0] - padding[0] + kernel[0]
    start, stop = rows_read(graph, node, part)
    outside = float("-inf") if isinstance(node.layer, MaxPool2d) else 0.0
    x = functional.pad(x, (padding[1], padding[1], start - first, last - stop), value=outside)
    match node.layer:
        case MaxPool2d():
            return functional.max_pool2d(x, kernel, stride)
        case AvgPool2d():
            return functional.avg_pool2d(x, kernel, stride)
        case layer:
            weight, bias = _weights(child)
            return functional.conv2d(x, weight, bias, stride, groups=cast(Conv2d, layer).groups)


def _channels(child: nn.Module, node: Node, part: Part, values: Sequence[Tensor]) -> Tensor:
    """Channels of a layer's output, with the slice of its weights for them."""
    mine = slice(part.start, part.stop)
    match node.layer:
        case Linear():
            weight, bias = _weights(child)
            return functional.linear(values[0], weight[mine], None if bias is None else bias[mine])
        case Conv2d() as layer:
            weight, bias = _weights(child)
            groups = 1 if layer.groups == 1 else part.stop - part.start
            bias = None if bias is None else bias[mine]
            return functional.conv2d(values[0], weight[mine], bias, layer.stride, layer.padding, groups=groups)
        case BatchNorm2d():
            state = {name: tensor[mine] for name, tensor in child.state_dict().items()}
            return functional.batch_norm(
                values[0], state["running_mean"], state["running_var"], state["weight"], state["bias"]
            )
        case Flatten():
            return values[0].flatten(1)
        case _ if len(values) == 1 and len(node.inputs) > 1:
            return values[0]  # a range of joined tensors that lies in one of them
        case _:
            return cast(Tensor, child(*values))


def _weights(child: nn.Module) -> tuple[Tensor, Tensor | None]:
    return cast(Tensor, child.weight), cast(Tensor | None, child.bias)
