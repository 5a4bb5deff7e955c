"""Filters dealt out by chance."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from typing_extensions import override

from engine.core.streams import stream
from engine.inference.nonn.communities import Group
from engine.inference.nonn.filters import FilterNetwork
from engine.inference.nonn.partition_rooms import Room
from engine.inference.partition import Partition, in_a_row, partitions


@partitions.register
class RandomPartition(Partition):
    """Filters dealt out by chance: what communities must be better than."""

    source: ClassVar[str] = "This platform: the control of the comparison of partitions"
    is_by_links: ClassVar[bool] = False
    kind: Literal["random"] = "random"

    @override
    def _groups(
        self, network: FilterNetwork, filters: Group, rooms: Sequence[Room], seed: int
    ) -> Sequence[Sequence[int]]:
        order = stream(seed, "partition").permutation(len(filters))
        return [sorted(group) for group in in_a_row([filters[place] for place in order], rooms)]
