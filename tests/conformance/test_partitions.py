"""What every partition of filters must do, tested on every member with random networks and devices."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inference.nonn.partition_rooms import Room
from engine.inference.partition import CannotPartition, Partition, partitions
from tests.engine.inference.classroom import blocks


def settings_of(cls: type[Partition]) -> list[Partition]:
    """A member as it is by default, with unconnected filters, and with each other choice of a field of its own."""
    schema = cls.model_json_schema()["properties"]
    choices = {name: field["enum"] for name, field in schema.items() if "enum" in field}
    return [cls.model_validate({name: value}) for name, values in choices.items() for value in values]


MEMBERS = [one for cls in partitions.members().values() for one in settings_of(cls)]


@pytest.mark.parametrize("member", MEMBERS, ids=repr)
@settings(max_examples=12, deadline=None)
@given(
    sizes=st.lists(st.integers(2, 9), min_size=1, max_size=5),
    alone=st.integers(0, 4),
    weights=st.lists(st.floats(0.2, 5), min_size=1, max_size=8),
    most=st.integers(1, 12),
    seed=st.integers(0, 3),
)
def test_partitions_are_disjoint_within_memory_and_deterministic(member, sizes, alone, weights, most, seed) -> None:
    network = blocks(sizes, alone)
    rooms = [Room(weight, most if number == 0 else 1 << 30) for number, weight in enumerate(weights)]
    if len(rooms) > network.num_filters:
        with pytest.raises(CannotPartition):
            member.divide(network, rooms, seed)
        return
    found = member.divide(network, rooms, seed)
    assert found == member.divide(network, rooms, seed)
    assert len(found.groups) == len(rooms)
    assert min(found.sizes) >= 1
    assert all(size <= room.most for size, room in zip(found.sizes, rooms, strict=True))
    assert len(set(found.order)) == sum(found.sizes)
    assert sorted((*found.order, *found.dropped)) == list(range(network.num_filters))
    assert all(group == tuple(sorted(group)) for group in found.groups)


@pytest.mark.parametrize("member", MEMBERS, ids=repr)
@settings(max_examples=8, deadline=None)
@given(
    blocks_=st.lists(st.integers(2, 9), min_size=3, max_size=5),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=2),
    alone=st.integers(2, 4),
)
def test_numbers_can_be_fixed(member, blocks_, sizes, alone) -> None:
    network = blocks(blocks_, alone)
    found = member.divide_exactly(network, sizes, seed=0)
    assert list(found.sizes) == sizes
    assert set(found.order) <= set(network.connected) or sum(sizes) > len(network.connected)
    with pytest.raises(CannotPartition):
        member.divide_exactly(network, [network.num_filters, 1], seed=0)
