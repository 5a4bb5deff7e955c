"""Filters divided by their numbers."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from typing_extensions import override

from engine.inference.nonn.communities import Group
from engine.inference.nonn.filters import FilterNetwork
from engine.inference.nonn.partition_rooms import Room
from engine.inference.partition import Partition, in_a_row, partitions


@partitions.register
class ContiguousPartition(Partition):
    """Filters divided by their numbers, the first ones to the first student, as slices of a layer are."""

    source: ClassVar[str] = "This platform: the slices of channels that frameworks cut layers into"
    is_by_links: ClassVar[bool] = False
    kind: Literal["contiguous"] = "contiguous"

    @override
    def _groups(
        self, network: FilterNetwork, filters: Group, rooms: Sequence[Room], seed: int
    ) -> Sequence[Sequence[int]]:
        return in_a_row(filters, rooms)
