"""Room for filters on devices, and the packing of groups of filters into it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.inference.nonn.communities import Group, bisected
from engine.inference.nonn.filters import Floats

UNBOUNDED = 1 << 30
"""More filters than any network has."""


@dataclass(frozen=True)
class Room:
    """What one student's device takes.

    Attributes:
        weight: its part of all filters is in proportion to this, such as to the device's speed; above 0.
        most: filters that its memory takes at most.
    """

    weight: float = 1.0
    most: int = UNBOUNDED


def fair_counts(total: int, rooms: Sequence[Room]) -> list[int]:
    """How many of ``total`` filters each device gets: in proportion to weights, at most what it takes, at least one.

    One by one, filters go where they raise the load least, so that counts never differ from a fair share by more than
    one filter but where a limit is met.

    Args:
        total: filters; at least one per device, at most what all take.
        rooms: the devices.
    """
    counts = [1] * len(rooms)
    for _ in range(total - len(rooms)):
        free = [number for number, room in enumerate(rooms) if counts[number] < room.most]
        best = min(free, key=lambda number: ((counts[number] + 1) / rooms[number].weight, number))
        counts[best] += 1
    return counts


def packed(links: Floats, groups: Sequence[Group], rooms: Sequence[Room], tolerance: float) -> list[Group]:
    """Groups put together for devices, the largest first, each where the load after it is least.

    A group is split where few links are if it fits nowhere whole, and the largest ones are split until there is one
    for each device. No device gets more than ``limits`` says.

    Args:
        links: (C, C) weights by which groups are split.
        groups: disjoint groups; together at least one filter per device, at most what all take.
        rooms: the devices.
        tolerance: by which share more than its fair number a device may get, so that groups can stay whole.
    """
    most = limits(sum(map(len, groups)), rooms, tolerance)
    queue = list(groups)
    while len(queue) < len(rooms):
        largest = max(queue, key=len)
        queue.remove(largest)
        queue += bisected(links, largest)
    bins: list[list[int]] = [[] for _ in rooms]
    while queue:
        queue.sort(key=lambda group: (-len(group), group))
        group, empty = queue[0], [number for number, members in enumerate(bins) if not members]
        open_bins = empty if len(queue) == len(empty) else range(len(rooms))
        fitting = [number for number in open_bins if len(bins[number]) + len(group) <= most[number]]
        if not fitting:
            free = max(most[number] - len(bins[number]) for number in open_bins)
            queue[:1] = bisected(links, group, free / len(group))
            continue
        best = min(fitting, key=lambda number: ((len(bins[number]) + len(group)) / rooms[number].weight, number))
        bins[best] += queue.pop(0)
    return [tuple(sorted(members)) for members in bins]


def limits(total: int, rooms: Sequence[Room], tolerance: float) -> list[int]:
    """Filters that each device gets at most when groups are packed: its fair number, and a share more if it has room.

    Args:
        total: filters in all.
        rooms: the devices.
        tolerance: that share.
    """
    counts = fair_counts(total, rooms)
    return [min(room.most, math.floor(count * (1 + tolerance))) for count, room in zip(counts, rooms, strict=True)]
