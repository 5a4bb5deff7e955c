"""Slices of channels: each device has some of the filters of every layer."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.inference.cuts.parts import Part, can_cut, reads_all_channels, whole_or_cut
from engine.inference.cuts.pieces import Pieces, join
from engine.inference.cuts.shares import ranges, shares_of
from engine.inference.cuts.sharing import SharingSplitter
from engine.inference.splitter import splitters
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import elements
from engine.models.layers import Concat, Flatten


@splitters.register
class ChannelSplitter(SharingSplitter):
    """Slices of the output channels of each convolution and fully connected layer.

    Weights are divided, none is held twice. Before each such layer all devices exchange their slices, as each output
    channel depends on all input channels; normalization, activation, pooling and depthwise convolutions stay in their
    slice. Layers that cannot be sliced, such as recurrent cells, are computed whole by the first device.
    """

    source: ClassVar[str] = (
        "Stahl et al., DeeperThings, International Journal of Parallel Programming 49, 2021, section 4 (output "
        "channels); the equal slices of distributed-llama"
    )
    exact: ClassVar[bool] = True
    kind: Literal["channel"] = "channel"

    num_slices: int = Field(default=2, ge=2, le=64)
    """How many slices each layer is cut into; slices without a channel are left out."""

    @property
    @override
    def num_shares(self) -> int:
        return self.num_slices

    def split(self, graph: Graph) -> Pieces:
        """The slices of each stretch of layers between two exchanges."""
        known: dict[str, list[Part | None]] = {}
        shares: list[tuple[str, list[Part]]] = []
        stretch: list[Node] = []
        for node in graph.nodes:
            known[node.name] = self._slices(graph, node, known)
            if stretch and (_reads_others(node) or not can_cut(graph, node, "channels")):
                shares += self._pieces(stretch, known)
                stretch = []
            stretch.append(node)
        return join(graph, shares + self._pieces(stretch, known))

    def _pieces(self, stretch: list[Node], known: dict[str, list[Part | None]]) -> list[tuple[str, list[Part]]]:
        columns = [[known[node.name][number] for node in stretch] for number in range(self.num_slices)]
        found = [(number, [part for part in column if part]) for number, column in enumerate(columns)]
        return [(f"{stretch[0].name} slice {number}", parts) for number, parts in found if parts]

    def _slices(self, graph: Graph, node: Node, known: dict[str, list[Part | None]]) -> list[Part | None]:
        """The part of a node's output in each slice; None where a slice has nothing of it."""
        before = known.get(node.inputs[0])
        nothing: list[Part | None] = [None] * (self.num_slices - 1)
        if not can_cut(graph, node, "channels") or (before is None and node.inputs[0] != INPUT):
            return [Part(node.name), *nothing]
        if _reads_others(node) or before is None:
            return self._fresh(graph, node)
        return [_follows(graph, node, part) for part in before]

    def _fresh(self, graph: Graph, node: Node) -> list[Part | None]:
        # A flattened input is cut between its channels, as every other one is.
        is_flat = isinstance(node.layer, Flatten)
        shape = graph.input_shapes(node)[0] if is_flat else graph.shapes()[node.name]
        size = elements(shape[1:]) if is_flat else 1
        bounds = ranges(shape[0], shares_of(self.num_slices, self.weights))
        return [_cut(graph, node.name, start * size, stop * size) for start, stop in bounds]


def _reads_others(node: Node) -> bool:
    """Whether a slice of a node's output depends on other slices of its inputs."""
    return reads_all_channels(node) or isinstance(node.layer, Concat)


def _cut(graph: Graph, name: str, start: int, stop: int) -> Part | None:
    return whole_or_cut(graph, Part(name, "channels", start, stop)) if start < stop else None


def _follows(graph: Graph, node: Node, part: Part | None) -> Part | None:
    """The part of a node's output that comes from a part of its first input."""
    if part is None or part.axis == "whole":
        return None if part is None else Part(node.name)
    size = elements(graph.input_shapes(node)[0][1:]) if isinstance(node.layer, Flatten) else 1
    return Part(node.name, "channels", part.start * size, part.stop * size)
