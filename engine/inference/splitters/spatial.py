"""Tiles of rows: each device computes some rows of the picture through several layers."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.inference.cuts.parts import WINDOWS, Part, can_cut, needs
from engine.inference.cuts.pieces import Pieces, join
from engine.inference.cuts.shares import ranges, shares_of
from engine.inference.cuts.sharing import SharingSplitter
from engine.inference.splitter import CannotSplit, splitters
from engine.models.graph import INPUT, Graph


@splitters.register
class SpatialSplitter(SharingSplitter):
    """Tiles of rows with a halo, fused over blocks of convolutions and pools.

    Within a block each tile computes all layers alone: it reads the rows that its own rows depend on, those of its
    neighbors included (the halo), and computes these again in the inner layers. Between blocks tiles exchange the rows
    that the next block's halo needs. What follows the last picture is one piece.
    """

    source: ClassVar[str] = (
        "Zhao, Barijough, Gerstlauer, DeepThings, IEEE TCAD 37(11), 2018, section IV (fused tiles); Mao et al., MoDNN, "
        "DATE 2017 (rows)"
    )
    exact: ClassVar[bool] = True
    kind: Literal["spatial"] = "spatial"

    num_tiles: int = Field(default=2, ge=2, le=64)
    """How many tiles the picture is cut into; tiles without a row at the end of a block are left out there."""

    fused_layers: int = Field(default=4, ge=1, le=1000)
    """How many convolutions and pools a block fuses: more save messages and cost more work done twice."""

    @property
    @override
    def num_shares(self) -> int:
        return self.num_tiles

    def split(self, graph: Graph) -> Pieces:
        """The tiles of each block, then the rest."""
        blocks, rest = self._blocks(graph)
        if not blocks:
            raise CannotSplit("tiles of rows need a network that begins with a convolution or a pool")
        shares: list[tuple[str, list[Part]]] = []
        for number, block in enumerate(blocks):
            height = graph.shapes()[block[-1]][1]
            for tile, (start, stop) in enumerate(ranges(height, shares_of(self.num_tiles, self.weights))):
                if start < stop:
                    shares.append((f"block {number} tile {tile}", _tile(graph, block, start, stop)))
        shares.append(("rest", [Part(name) for name in rest]))
        return join(graph, shares)

    def _blocks(self, graph: Graph) -> tuple[list[list[str]], list[str]]:
        """Names of the nodes of each block, and of those after the last one."""
        ends = {cut.after for cut in graph.cuts() if cut.tensors == (cut.after,)}
        blocks, block, windows, taken = list[list[str]](), list[str](), 0, 0
        for node in graph.nodes:
            if not can_cut(graph, node, "rows"):
                break
            block.append(node.name)
            windows += isinstance(node.layer, WINDOWS)
            if node.name in ends and windows >= self.fused_layers:
                blocks.append(block)
                taken, block, windows = taken + len(block), [], 0
        # A last block may end early: at the last place where one tensor alone crosses.
        while block and block[-1] not in ends:
            block.pop()
        if any(isinstance(node.layer, WINDOWS) for node in graph.nodes if node.name in block):
            blocks.append(block)
            taken += len(block)
        return blocks, [node.name for node in graph.nodes[taken:]]


def _tile(graph: Graph, block: list[str], start: int, stop: int) -> list[Part]:
    """What a tile computes: its rows of the last layer, and of each layer before it what these need."""
    wanted: dict[str, Part] = {block[-1]: Part(block[-1], "rows", start, stop)}
    for name in reversed(block):
        for need in needs(graph, wanted[name]):
            if need.tensor != INPUT and need.tensor in block:
                known = wanted.get(need.tensor, need)
                first, last = min(known.start, need.start), max(known.stop, need.stop)
                wanted[need.tensor] = Part(need.tensor, "rows", first, last)
    return [wanted[name] for name in block]
