"""Parts of tensors: which rows or channels of its inputs a layer needs for some rows or channels of its output."""

from dataclasses import dataclass, replace
from typing import Literal

from engine.core.errors import EngineError
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import elements
from engine.models.layers import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    ElementWise,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
)
from engine.models.layers.window import Pair, pair

Axis = Literal["whole", "channels", "rows"]
"""Along what a tensor is cut; channels are the first axis of a sample's tensor (features of a vector), rows its second
one (the height of a picture)."""

AXES: dict[Axis, int] = {"channels": 0, "rows": 1}

SAME = (ElementWise, BatchNorm2d, Dropout)
"""Layers each of whose outputs comes from the input at its own place."""

WINDOWS = (Conv2d, MaxPool2d, AvgPool2d)


@dataclass(frozen=True)
class Part:
    """A tensor, or a range of it along one axis.

    Attributes:
        tensor: name of the node that makes it, or ``input``.
        axis: along what it is cut.
        start: first row or channel; 0 of a whole tensor.
        stop: the one after the last; 0 of a whole tensor, whose extent needs no saying.
    """

    tensor: str
    axis: Axis = "whole"
    start: int = 0
    stop: int = 0

    @property
    def name(self) -> str:
        """As people read it, ``conv1`` or ``conv1 rows 0-13``."""
        return self.tensor if self.axis == "whole" else f"{self.tensor} {self.axis} {self.start}-{self.stop - 1}"


def extent(graph: Graph, part: Part) -> tuple[int, int]:
    """Rows or channels of a part, and of its whole tensor; one of one for a whole tensor."""
    if part.axis == "whole":
        return 1, 1
    return part.stop - part.start, graph.shapes()[part.tensor][AXES[part.axis]]


def part_bytes(graph: Graph, part: Part) -> int:
    """Bytes of a part, per sample."""
    count, whole = extent(graph, part)
    return graph.tensor_bytes(part.tensor) * count // whole


def common(need: Part, made: Part) -> Part | None:
    """What a made part has of a needed one; None if nothing.

    Raises:
        EngineError: one is cut by rows and the other by channels.
    """
    if made.axis == "whole":
        return need
    if need.axis == "whole":
        return made
    if need.axis != made.axis:
        raise EngineError(f"{need.name} cannot be put together from {made.axis}")
    start, stop = max(need.start, made.start), min(need.stop, made.stop)
    return replace(need, start=start, stop=stop) if start < stop else None


def without(need: Part, found: Part, graph: Graph) -> list[Part]:
    """What is still missing of a needed part when a part of it was found."""
    if found.axis == "whole" or found == need:
        return []
    if need.axis == "whole":
        need = replace(found, start=0, stop=graph.shapes()[need.tensor][AXES[found.axis]])
    sides = replace(need, stop=found.start), replace(need, start=found.stop)
    return [side for side in sides if side.start < side.stop]


def can_cut(graph: Graph, node: Node, axis: Axis) -> bool:
    """Whether a range of a node's output along an axis can be computed without the rest of its output."""
    layer, shape = node.layer, graph.shapes()[node.name]
    if axis == "rows":
        return len(shape) == 3 and isinstance(layer, (*SAME, *WINDOWS, Add, Concat))
    if isinstance(layer, Conv2d):
        return layer.groups == 1 or layer.groups == layer.out_channels == graph.input_shapes(node)[0][0]
    if isinstance(layer, Linear):
        return len(shape) == 1
    return isinstance(layer, (*SAME, *WINDOWS, Add, Concat, Flatten, GlobalAvgPool)) and len(shape) in (1, 3)


def reads_all_channels(node: Node) -> bool:
    """Whether each channel of the output depends on all channels of the input."""
    return isinstance(node.layer, Linear) or (isinstance(node.layer, Conv2d) and node.layer.groups == 1)


def needs(graph: Graph, part: Part) -> list[Part]:
    """The parts of its inputs that a part of a node's output is computed from.

    Raises:
        EngineError: the node cannot be cut so.
    """
    node = next(node for node in graph.nodes if node.name == part.tensor)
    if part.axis == "whole":
        return [Part(name) for name in dict.fromkeys(node.inputs)]
    if not can_cut(graph, node, part.axis):
        raise EngineError(f"{node.name} ({node.layer.kind}) cannot be cut by {part.axis}")
    if part.axis == "rows":
        start, stop = rows_read(graph, node, part)
        return [Part(name, "rows", start, stop) for name in dict.fromkeys(node.inputs)]
    if reads_all_channels(node):
        return [Part(node.inputs[0])]
    if isinstance(node.layer, Concat):
        return _of_joined(graph, node, part)
    start, stop = part.start, part.stop
    if isinstance(node.layer, Flatten):
        size = elements(graph.input_shapes(node)[0][1:])
        if start % size or stop % size:
            raise EngineError(f"{node.name} is cut between whole channels of {size} values only")
        start, stop = start // size, stop // size
    return [Part(name, "channels", start, stop) for name in dict.fromkeys(node.inputs)]


def rows_read(graph: Graph, node: Node, part: Part) -> tuple[int, int]:
    """The rows of the input that some rows of the output see; padding is not among them."""
    if not isinstance(node.layer, WINDOWS):
        return part.start, part.stop
    height = graph.input_shapes(node)[0][1]
    kernel, stride, padding = window_of(node)
    first = part.start * stride[0] - padding[0]
    return max(0, first), min(height, (part.stop - 1) * stride[0] - padding[0] + kernel[0])


def window_of(node: Node) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Size, step and padding of a node's window, each as height and width.

    Raises:
        EngineError: the layer has none.
    """
    layer = node.layer
    if not isinstance(layer, WINDOWS):
        raise EngineError(f"{node.name} ({layer.kind}) has no window")
    stride: Pair = layer.kernel_size if layer.stride is None else layer.stride
    padding: Pair = 0 if isinstance(layer, AvgPool2d) else layer.padding
    return pair(layer.kernel_size), pair(stride), pair(padding)


def _of_joined(graph: Graph, node: Node, part: Part) -> list[Part]:
    """The channels of each of the inputs that lie in a range of their sequence."""
    found, offset = [], 0
    for name in node.inputs:
        size = graph.shapes()[name][0]
        start, stop = max(part.start - offset, 0), min(part.stop - offset, size)
        if start < stop:
            found.append(Part(name, "channels", start, stop))
        offset += size
    return found


def whole_or_cut(graph: Graph, part: Part) -> Part:
    """The part, as a whole tensor if it is all of it."""
    count, size = extent(graph, part)
    return Part(part.tensor) if count == size else part


def input_part() -> Part:
    """What the source has: the network's input."""
    return Part(INPUT)
