"""The emulator's core in virtual time, against times worked out by hand."""

import pytest

from engine.emulation.links import Channel, Hop, LinkEmulator, Plan, from_json, to_json

UP, DOWN = (1, 0), (0, 1)


def emulator(*hops: Hop, channel: Channel | None = None, seed: int = 0, back: tuple[Hop, ...] = ()) -> LinkEmulator:
    """One channel per hop, 8,000 bit/s each: a byte takes a millisecond."""
    count = 1 + max(hop.channel for hop in hops + back)
    paths = {UP: hops} | ({DOWN: back} if back else {})
    return LinkEmulator(Plan((channel or Channel(8_000.0),) * count, paths, seed))


def arrivals(core: LinkEmulator) -> list[tuple[float, bytes]]:
    """Everything that is under way, when it arrives."""
    return [(round(found.due_s, 9), found.packet) for found in core.deliveries(float("inf"))]


def test_a_packet_takes_its_airtime_and_the_delay() -> None:
    core = emulator(Hop(0, 0.5))
    core.offer(1.0, UP, b"x" * 100)
    assert arrivals(core) == [(1.6, b"x" * 100)]


def test_packets_wait_in_line() -> None:
    core = emulator(Hop(0, 0.5))
    core.offer(0.0, UP, b"a" * 100)
    core.offer(0.01, UP, b"b" * 50)
    assert [moment for moment, _ in arrivals(core)] == [0.6, 0.65]


def test_both_directions_of_a_shared_medium_wait_for_each_other() -> None:
    core = emulator(Hop(0, 0.5), back=(Hop(0, 0.5),))
    core.offer(0.0, UP, b"a" * 100)
    core.offer(0.0, DOWN, b"b" * 100)
    assert [moment for moment, _ in arrivals(core)] == [0.6, 0.7]


def test_hops_store_and_forward() -> None:
    core = emulator(Hop(0, 0.1), Hop(1, 0.2))
    core.offer(0.0, UP, b"a" * 100)
    core.offer(0.0, UP, b"b" * 100)
    # The first: 0.1 + 0.1, then 0.1 + 0.2. The second leaves the first hop 0.1 later and finds the next one just free.
    assert [moment for moment, _ in arrivals(core)] == [0.5, 0.6]


def test_a_full_queue_drops() -> None:
    core = emulator(Hop(0, 0.0), channel=Channel(8_000.0, queue_bytes=150))
    for _ in range(4):
        core.offer(0.0, UP, b"x" * 100)
    # The third finds 200 bytes waiting or under way, more than 150; so does the fourth.
    assert len(arrivals(core)) == 2
    assert core.counts.dropped == 2


def test_what_is_lost_has_used_its_airtime() -> None:
    core = emulator(Hop(0, 0.0, loss=0.5), seed=3)
    for number in range(200):
        core.offer(0.0, UP, bytes([number]) * 100)
    found = arrivals(core)
    assert core.counts.lost == 200 - len(found)
    assert 70 < len(found) < 130
    assert all(moment == pytest.approx(0.1 * (packet[0] + 1)) for moment, packet in found)


def test_a_link_that_repeats_loses_nothing_but_time() -> None:
    core = emulator(Hop(0, 0.0, loss=0.5, repeats=True), seed=3)
    for _ in range(100):
        core.offer(0.0, UP, b"x" * 100)
    found = arrivals(core)
    assert len(found) == 100
    assert found[-1][0] == pytest.approx(0.1 * (100 + core.counts.lost))


def test_jitter_keeps_the_order_and_its_bounds() -> None:
    core = emulator(Hop(0, 0.5, jitter_s=0.05))
    for number in range(100):
        core.offer(0.0, UP, bytes([number]))
    found = arrivals(core)
    assert [packet[0] for _, packet in found] == list(range(100))
    late = [moment - (0.001 * (packet[0] + 1) + 0.5) for moment, packet in found]
    assert max(late) <= 0.05 + 1e-9
    assert max(late) > 0.02
    assert min(late) >= -0.05


@pytest.mark.parametrize(
    ("size", "milliseconds"),
    # Frames of 96 bytes with a header of 31 each: 96 bytes fit into one, 97 take two; an empty one takes a frame.
    [(96, 127), (97, 97 + 62), (192, 192 + 62), (1280, 1280 + 14 * 31), (0, 31)],
)
def test_fragments(size: int, milliseconds: int) -> None:
    channel = Channel(8_000.0, fragment_bytes=96, fragment_header_bytes=31)
    assert channel.airtime_s(size) == pytest.approx(milliseconds / 1000)


def test_headers_that_are_compressed_away() -> None:
    assert Channel(8_000.0, packet_bytes=-36).airtime_s(136) == pytest.approx(0.1)
    assert Channel(8_000.0, packet_bytes=-52, fragment_bytes=100, fragment_header_bytes=10).airtime_s(52) == 0.01


def test_the_same_seed_loses_the_same_packets() -> None:
    def lost(seed: int) -> list[tuple[float, bytes]]:
        core = emulator(Hop(0, 0.0, loss=0.3, jitter_s=0.1), seed=seed)
        for number in range(100):
            core.offer(0.0, UP, bytes([number]))
        return arrivals(core)

    assert lost(1) == lost(1)
    assert lost(1) != lost(2)


def test_only_known_pairs_talk() -> None:
    core = emulator(Hop(0, 0.0))
    core.offer(0.0, (5, 6), b"stray")
    assert arrivals(core) == []
    assert not core.counts.sent_bytes


def test_wire_bytes_are_counted_by_pair() -> None:
    core = emulator(Hop(0, 0.0), back=(Hop(0, 0.0),))
    core.offer(0.0, UP, b"x" * 100)
    core.offer(0.0, UP, b"x" * 100)
    core.offer(0.0, DOWN, b"x" * 52)
    assert core.counts.sent_bytes == {UP: 200, DOWN: 52}


def test_next_event() -> None:
    core = emulator(Hop(0, 0.5))
    assert core.next_s() is None
    core.offer(1.0, UP, b"x" * 100)
    assert core.next_s() == pytest.approx(1.6)
    assert not list(core.deliveries(1.59))


def test_a_plan_survives_the_way_to_another_process() -> None:
    plan = Plan(
        (Channel(1e6), Channel(2e6, 3, 96, 31, None)), {UP: (Hop(0, 0.1, 0.2, 0.3, True), Hop(1, 0.4)), DOWN: ()}, 7
    )
    assert from_json(to_json(plan)) == plan
    assert plan.least_delay_s == 0.0
