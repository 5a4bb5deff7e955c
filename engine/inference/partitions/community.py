"""Communities of the filter network, put together for devices."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.streams import seed_of
from engine.inference.nonn.communities import RESOLUTION, Group, bisected, by_size, communities
from engine.inference.nonn.filters import FilterNetwork
from engine.inference.nonn.partition_rooms import Room, packed
from engine.inference.partition import Partition, partitions


@partitions.register
class CommunityPartition(Partition):
    """Communities of filters that are active on the same images stay together.

    Louvain's method finds the communities; how many there are follows from the network. They are put together, the
    largest first, so that each device gets filters in proportion to its speed and no more than its memory takes.
    """

    source: ClassVar[str] = (
        "Bhardwaj et al., NoNN, arXiv 1907.11804, section 4.2; V. Blondel et al., Fast unfolding of communities in "
        "large networks, arXiv 0803.0476"
    )
    is_by_links: ClassVar[bool] = True
    kind: Literal["community"] = "community"

    resolution: Annotated[float, Field(gt=0, le=100)] = RESOLUTION
    """Factor of the links that chance would give, dimensionless; larger ones give smaller communities. The authors' 0.7
    is 1.43 here, since the library of their time divided by it."""

    assignment: Literal["balanced", "authors"] = "balanced"
    """How communities go to students: balanced over the devices, or by the authors' rule, made for two like devices:
    filters alone are one group, the largest group falls away, the next ones go to one student each, and every other one
    to the student with the fewest filters."""

    tolerance: Annotated[float, Field(ge=0, le=8)] = 0.5
    """Share by which a device may get more than its fair number of filters, so that communities can stay whole; with 0
    the numbers are fair and communities are cut as needed. For balanced assignment."""

    @override
    def _groups(self, network: FilterNetwork, filters: Group, rooms: Sequence[Room], seed: int) -> Sequence[Group]:
        allowed = set(filters)
        found = communities(network.links, self.resolution, seed_of(seed, "communities") % (1 << 32))
        groups = [tuple(number for number in group if number in allowed) for group in found]
        alone = sorted(allowed.difference(*groups))
        if self.assignment == "authors":
            return _by_authors(network, [group for group in groups if group], len(rooms))
        singles = [(number,) for number in alone]
        return packed(network.links, by_size([*filter(None, groups), *singles]), rooms, self.tolerance)


def _by_authors(network: FilterNetwork, groups: list[Group], num_students: int) -> list[Group]:
    """The authors' rule, where groups of one size stay apart and too few of them are split."""
    inside = {number for group in groups if len(group) > 1 for number in group}
    alone = tuple(number for number in range(network.num_filters) if number not in inside)
    queue = list(by_size([*(group for group in groups if len(group) > 1), *([alone] if alone else [])]))
    while len(queue) <= num_students and len(queue[0]) > 1:
        queue = list(by_size([*bisected(network.links, queue[0]), *queue[1:]]))
    kept = queue[1:] if len(queue) > num_students else queue
    students = [list(group) for group in kept[:num_students]]
    for group in kept[num_students:]:
        min(students, key=len).extend(group)
    return [tuple(sorted(student)) for student in students]
