"""Partitions of filters: disjoint, of the filters that they say, balanced over devices, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inference.nonn.communities import cut_weight
from engine.inference.nonn.partition_rooms import Room, fair_counts, limits, packed
from engine.inference.partition import CannotPartition, FilterGroups, partitions
from tests.engine.inference.classroom import blocks as network

KINDS = ("community", "contiguous", "random", "spectral")


def divided(kind, found, rooms, seed=0, **fields) -> FilterGroups:
    return partitions[kind](kind=kind, **fields).divide(found, rooms, seed)


def test_all_kinds_are_there() -> None:
    assert tuple(partitions.members()) == KINDS


@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    sizes=st.lists(st.integers(2, 9), min_size=4, max_size=5),
    weights=st.lists(st.floats(0.2, 5), min_size=1, max_size=8),
    most=st.integers(1, 12),
)
def test_devices_get_filters_by_speed_as_far_as_their_memory_goes(kind, sizes, weights, most) -> None:
    found = network(sizes, alone=2)
    rooms = [Room(weight, most if number == 0 else 1 << 30) for number, weight in enumerate(weights)]
    total = min(len(found.connected), sum(room.most for room in rooms))
    groups = divided(kind, found, rooms)
    assert sum(groups.sizes) == total
    if kind == "community":
        assert all(size <= most for size, most in zip(groups.sizes, limits(total, rooms, 0.5), strict=True))
    else:
        assert list(groups.sizes) == fair_counts(total, rooms)


def test_fair_counts_by_hand() -> None:
    assert fair_counts(10, [Room(), Room()]) == [5, 5]
    assert fair_counts(12, [Room(1.0), Room(3.0)]) == [3, 9]
    assert fair_counts(12, [Room(1.0), Room(3.0, most=5)]) == [7, 5]
    assert fair_counts(3, [Room(100.0), Room(1.0), Room(1.0)]) == [1, 1, 1]


def test_groups_are_packed_the_largest_first() -> None:
    # Sizes 5, 4, 3, 3, 3 over two like devices: 5 | 4, then 3 to the 4, 3 to the 5, and 3 to the 7: 8 and 10.
    groups = [tuple(range(5)), tuple(range(5, 9)), (9, 10, 11), (12, 13, 14), (15, 16, 17)]
    found = packed(np.zeros((18, 18)), groups, [Room(), Room()], 0.5)
    assert found == [(0, 1, 2, 3, 4, 12, 13, 14), (5, 6, 7, 8, 9, 10, 11, 15, 16, 17)]


def test_a_community_is_split_only_where_there_are_too_few_or_it_fits_nowhere() -> None:
    found = network([6, 6])
    assert divided("community", found, [Room(), Room()]).groups == (tuple(range(6)), tuple(range(6, 12)))
    three = divided("community", found, [Room()] * 3)
    assert sorted(three.sizes) == [3, 3, 6]
    assert any(set(group) in ({*range(6)}, {*range(6, 12)}) for group in three.groups)
    tight = divided("community", found, [Room(most=4), Room(most=8)])
    assert tight.sizes == (4, 8)


def test_communities_cut_less_than_chance() -> None:
    found = network([7, 5, 6, 6], alone=3)
    rooms = [Room()] * 4
    cuts = {kind: cut_weight(found.links, divided(kind, found, rooms, seed=3).groups) for kind in KINDS}
    assert cuts["community"] < cuts["random"]
    assert cuts["spectral"] < cuts["random"]
    # Between blocks there are the four links of the ring alone.
    assert cuts["community"] == pytest.approx(4 * 0.005 / found.weights.max())


def test_the_authors_rule_drops_the_largest_group() -> None:
    # Groups: 9 filters alone, 6, 5, 4, 2. The 9 fall away; students begin with 6 and 5, then get 4 and 2.
    found = network([6, 5, 4, 2], alone=9)
    groups = divided("community", found, [Room(), Room()], assignment="authors")
    # 4 go to the student of 5, which has 9 then; 2 go to the student of 6.
    assert groups.groups == ((0, 1, 2, 3, 4, 5, 15, 16), tuple(range(6, 15)))
    assert groups.dropped == tuple(range(17, 26))


def test_filters_without_room_are_dropped_the_weakest_first() -> None:
    found = network([6])
    strongest = sorted(np.argsort(-found.strengths, kind="stable")[:4].tolist())
    groups = divided("contiguous", found, [Room(most=2), Room(most=2)])
    assert list(groups.order) == strongest
    with pytest.raises(CannotPartition, match="student 1"):
        divided("contiguous", found, [Room(), Room(most=0)])


def test_seeds_decide_chance_alone() -> None:
    found = network([6, 6], alone=2)
    rooms = [Room()] * 2
    assert divided("random", found, rooms, seed=1) != divided("random", found, rooms, seed=2)
    assert divided("spectral", found, rooms, seed=1) == divided("spectral", found, rooms, seed=2)
    with pytest.raises(CannotPartition):
        FilterGroups(4, ((0, 1), (1, 2)))
    with pytest.raises(CannotPartition):
        FilterGroups(4, ((0, 1), (4,)))
