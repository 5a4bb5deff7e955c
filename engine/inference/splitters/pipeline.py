"""A chain of stages, cut only where a single tensor crosses."""

from typing import ClassVar, Literal

from engine.inference.cuts.parts import SAME, Part
from engine.inference.cuts.pieces import Pieces, join
from engine.inference.splitter import Splitter, splitters
from engine.models.graph import Graph
from engine.models.layers import Flatten


@splitters.register
class PipelineSplitter(Splitter):
    """A pipeline of stages, each of which reads the one before it.

    The network is cut wherever one tensor alone crosses, so that a residual block is never torn apart; the placer puts
    neighboring stages together. Many requests are then on their way at once, one in each stage.
    """

    source: ClassVar[str] = "Hu et al., PipeEdge, DSD 2022 (arXiv 2110.14895), section III"
    exact: ClassVar[bool] = True
    kind: Literal["pipeline"] = "pipeline"

    def split(self, graph: Graph) -> Pieces:
        """The blocks between cuts; activation, normalization and flattening stay with the layer before them."""
        layers = {node.name: node.layer for node in graph.nodes}
        follows = {
            node.name: isinstance(layers[after.name], (*SAME, Flatten))
            for node, after in zip(graph.nodes[:-1], graph.nodes[1:], strict=True)
        }
        ends = {cut.after for cut in graph.cuts() if cut.tensors == (cut.after,) and not follows[cut.after]}
        blocks: list[list[Part]] = [[]]
        for node in graph.nodes:
            blocks[-1].append(Part(node.name))
            if node.name in ends:
                blocks.append([])
        return join(graph, [(block[0].tensor, block) for block in blocks])
