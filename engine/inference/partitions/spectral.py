"""Normalized cuts of the filter network."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from typing_extensions import override

from engine.inference.nonn.communities import Group, bisected
from engine.inference.nonn.filters import FilterNetwork, Floats
from engine.inference.nonn.partition_rooms import Room, fair_counts
from engine.inference.partition import Partition, partitions


@partitions.register
class SpectralPartition(Partition):
    """Normalized cuts: the network is cut in two where few links are, and its parts again, at fair numbers of filters.

    RoCoIn divides the knowledge of a teacher by normalized cuts.
    """

    source: ClassVar[str] = (
        "J. Shi, J. Malik, Normalized Cuts and Image Segmentation, PAMI 2000, section 2.1; used for filters by RoCoIn, "
        "arXiv 2406.14185"
    )
    is_by_links: ClassVar[bool] = True
    kind: Literal["spectral"] = "spectral"

    @override
    def _groups(self, network: FilterNetwork, filters: Group, rooms: Sequence[Room], seed: int) -> Sequence[Group]:
        return _cut(network.links, filters, fair_counts(len(filters), rooms))


def _cut(links: Floats, members: Group, counts: Sequence[int]) -> list[Group]:
    """Members cut into groups of these sizes: first into two with half of the groups each."""
    if len(counts) == 1:
        return [members]
    half = len(counts) // 2
    parts = bisected(links, members, sum(counts[:half]) / len(members))
    return [*_cut(links, parts[0], counts[:half]), *_cut(links, parts[1], counts[half:])]
