"""The contract of partitions: which filters of the teacher each student learns."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from engine.core.component import Component
from engine.core.errors import EngineError
from engine.core.registry import Registry
from engine.inference.nonn.communities import Group
from engine.inference.nonn.filters import FilterNetwork
from engine.inference.nonn.partition_rooms import Room, fair_counts

MOST_STUDENTS = 8
"""Students at most; the method was published with up to this many."""


class CannotPartition(EngineError):
    """Filters cannot be divided so."""

    code = "cannot_partition"


@dataclass(frozen=True)
class FilterGroups:
    """Filters divided over students.

    Attributes:
        num_filters: of the teacher.
        groups: filters of each student, in order; disjoint, none empty.

    Raises:
        CannotPartition: groups overlap, are empty, or name filters that there are not.
    """

    num_filters: int
    groups: tuple[Group, ...]

    def __post_init__(self) -> None:
        order = self.order
        if not all(self.groups) or len(set(order)) != len(order):
            raise CannotPartition("students need filters, and each filter belongs to one student")
        if min(order) < 0 or max(order) >= self.num_filters:
            raise CannotPartition(f"filters have the numbers 0 to {self.num_filters - 1}")

    @property
    def order(self) -> Group:
        """All filters that a student learns, student by student: the order of the shared layer's inputs."""
        return tuple(number for group in self.groups for number in group)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of filters of each student."""
        return tuple(map(len, self.groups))

    @property
    def dropped(self) -> Group:
        """Filters that no student learns."""
        return tuple(sorted(set(range(self.num_filters)) - set(self.order)))


class Partition(Component):
    """How the filters of a teacher are divided over students: each learns the knowledge of its own filters alone."""

    is_by_links: ClassVar[bool]
    """Whether the links between filters decide who learns what."""

    unconnected: Literal["drop", "assign"] = "drop"
    """What becomes of filters without a link after the cut: they are dropped, as they are hardly ever active with
    others, or assigned to students like all others. Where fewer filters than students have links, the strongest of the
    others take part in any case."""

    def divide(self, network: FilterNetwork, rooms: Sequence[Room], seed: int) -> FilterGroups:
        """The filters of each student; the same for the same seed.

        Filters that no device has room for are dropped, the weakest first.

        Args:
            network: the filters and their links.
            rooms: what each student's device takes, 1 to 8.
            seed: of the run.

        Raises:
            CannotPartition: there are more students than filters, or a device has no room for a single filter.
        """
        if not 1 <= len(rooms) <= min(MOST_STUDENTS, network.num_filters):
            most = min(MOST_STUDENTS, network.num_filters)
            raise CannotPartition(f"filters can be divided over 1 to {most} students, not {len(rooms)}")
        if least := [str(number) for number, room in enumerate(rooms) if room.most < 1]:
            raise CannotPartition(f"no filter fits into the memory of the device of student {', '.join(least)}")
        filters = self._filters(network, rooms)
        groups = self._groups(network, filters, rooms, seed)
        fitting = (_strongest(network, group, room.most) for group, room in zip(groups, rooms, strict=True))
        return FilterGroups(network.num_filters, tuple(fitting))

    def divide_exactly(self, network: FilterNetwork, sizes: Sequence[int], seed: int) -> FilterGroups:
        """As :meth:`divide`, with numbers of filters that are fixed before the teacher is there, so that a plan holds.

        The filters with links take part, the strongest first, and as many of the others as are needed.

        Args:
            network: the filters and their links.
            sizes: number of filters of each student.
            seed: of the run.

        Raises:
            CannotPartition: there are fewer filters, or a student would have none.
        """
        if min(sizes) < 1 or sum(sizes) > network.num_filters:
            raise CannotPartition(f"{network.num_filters} filters cannot be divided by {', '.join(map(str, sizes))}")
        linked = _strongest(network, network.connected, sum(sizes))
        filters = _with_others(network, linked, sum(sizes))
        groups = self._groups(network, filters, [Room(float(size), size) for size in sizes], seed)
        taking_part = set(filters)
        fitting = [
            _strongest(network, [one for one in group if one in taking_part], size)
            for group, size in zip(groups, sizes, strict=True)
        ]
        for number, size in enumerate(sizes):
            taken = {one for group in fitting for one in group}
            free = [one for one in filters if one not in taken]
            fitting[number] = tuple(sorted((*fitting[number], *_strongest(network, free, size - len(fitting[number])))))
        return FilterGroups(network.num_filters, tuple(fitting))

    def _filters(self, network: FilterNetwork, rooms: Sequence[Room]) -> Group:
        """The filters to divide, in order."""
        found = tuple(range(network.num_filters)) if self.unconnected == "assign" else network.connected
        return _strongest(network, _with_others(network, found, len(rooms)), sum(room.most for room in rooms))

    @abstractmethod
    def _groups(
        self, network: FilterNetwork, filters: Group, rooms: Sequence[Room], seed: int
    ) -> Sequence[Sequence[int]]:
        """The filters of each student, at least one for each; at least as many filters as students are given."""


def in_a_row(filters: Sequence[int], rooms: Sequence[Room]) -> list[Sequence[int]]:
    """Filters divided in the order in which they come, each student getting its fair number."""
    groups, start = [], 0
    for count in fair_counts(len(filters), rooms):
        groups.append(filters[start : start + count])
        start += count
    return groups


def _with_others(network: FilterNetwork, filters: Group, count: int) -> Group:
    """Filters, and the strongest others if these are fewer than ``count``, in order."""
    others = [number for number in range(network.num_filters) if number not in filters]
    return tuple(sorted((*filters, *_strongest(network, others, max(0, count - len(filters))))))


def _strongest(network: FilterNetwork, filters: Sequence[int], count: int) -> Group:
    """The filters with the largest sums of weights, at most so many, in order."""
    ranked = sorted(filters, key=lambda number: (-network.strengths[number], number))
    return tuple(sorted(ranked[:count]))


partitions: Registry[Partition] = Registry("partitions", "engine.inference.partitions", Partition, title="Partition")
"""All partitions of filters."""
