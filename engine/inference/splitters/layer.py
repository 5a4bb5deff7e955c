"""Every layer is a piece of its own: all cuts of the graph are open to the placer."""

from typing import ClassVar, Literal

from engine.inference.cuts.parts import SAME, Part
from engine.inference.cuts.pieces import Pieces, join
from engine.inference.splitter import Splitter, splitters
from engine.models.graph import Graph
from engine.models.layers import Flatten


@splitters.register
class LayerSplitter(Splitter):
    """Layer by layer, over device, edge and cloud.

    Each layer may be on a device of its own; where two that follow each other are on different ones, the tensor between
    them travels. A network with shortcuts gives a graph of pieces, any other one a chain.
    """

    source: ClassVar[str] = (
        "Kang et al., Neurosurgeon, ASPLOS 2017, section 4 (chains); Hu et al., Dynamic Adaptive DNN Surgery, INFOCOM "
        "2019, section III (graphs)"
    )
    exact: ClassVar[bool] = True
    kind: Literal["layer"] = "layer"

    fuse: bool = True
    """Whether normalization, activation and flattening stay with the layer before them: cutting between changes hardly
    any bytes, and fewer pieces are placed sooner."""

    def split(self, graph: Graph) -> Pieces:
        """One piece per layer, or per layer with what is fused to it."""
        return join(graph, [(parts[0].tensor, parts) for parts in self._groups(graph)])

    def _groups(self, graph: Graph) -> list[list[Part]]:
        readers: dict[str, int] = {}
        for node in graph.nodes:
            for name in node.inputs:
                readers[name] = readers.get(name, 0) + 1
        group_of: dict[str, int] = {}
        groups: list[list[Part]] = []
        for node in graph.nodes:
            before = group_of.get(node.inputs[0])
            # Only the latest group may grow: every other one may be read by a group after it.
            is_fused = self.fuse and isinstance(node.layer, (*SAME, Flatten)) and readers[node.inputs[0]] == 1
            if is_fused and before is not None and before == len(groups) - 1:
                groups[before].append(Part(node.name))
            else:
                groups.append([Part(node.name)])
                before = len(groups) - 1
            group_of[node.name] = before
        return groups
