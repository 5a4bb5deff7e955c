"""Emulated links have the rates, headers and delays that the simulator reckons with."""

from typing import Any

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.core.nodes import SERVER
from engine.costs.way import Way
from engine.emulation.links import LinkEmulator
from engine.emulation.scenarios import Line, scenarios
from engine.emulation.wiring import HEADER_BYTES, channel_of, wire
from engine.emulation.workload import GROUP, workloads
from engine.emulation.workloads.shared_medium import SharedMedium
from engine.emulation.workloads.star import StarWorkload
from engine.fleet.group import FleetSpec, GroupSpec
from engine.network.catalogue import links
from engine.network.network import Network
from engine.network.schedule import LinkSchedule, Step
from engine.network.spec import NetworkSpec
from engine.network.topologies.hierarchical import Hierarchical
from engine.network.topologies.mesh import Mesh
from engine.network.topologies.star import Star

LINE = Line("line", "line", rate_bps=1e6, delay_s=0.03, mtu=1280, held_out=False)
NODES = [SERVER, 0, 1]
PAIRS = [(0, SERVER), (1, SERVER)]


def network(link: Any, *, one_room: bool = False, backhaul: Any = None, topology: Any = None) -> Network:
    fleet = FleetSpec(groups=(GroupSpec(name=GROUP, count=2),))
    star = topology or Star(one_room=one_room)
    return NetworkSpec(topology=star, links={GROUP: link}, backhaul=backhaul).resolve(fleet)


def test_a_link_of_its_own_has_two_directions() -> None:
    wiring = wire(network(LINE.link(0.01, "tcp")), NODES, PAIRS, seed=3)
    assert len(wiring.plan.channels) == 4
    assert [channel.rate_bps for channel in wiring.plan.channels] == pytest.approx([1e6] * 4)
    assert {hop.delay_s for path in wiring.plan.paths.values() for hop in path} == {0.03}
    assert {hop.loss for path in wiring.plan.paths.values() for hop in path} == {0.01}
    assert (wiring.size, wiring.transport, wiring.congestion, wiring.plan.seed) == (1280, "tcp", "cubic", 3)
    assert set(wiring.plan.paths) == {(0, 1), (1, 0), (0, 2), (2, 0)}


def test_a_room_has_one_channel() -> None:
    workload = SharedMedium(devices=2)
    wiring = wire(workload.network(LINE.link(0.0, "tcp")), NODES, PAIRS, seed=0)
    assert [channel.air for channel in wiring.plan.channels] == [-1] * len(wiring.plan.channels)
    assert {hop.channel for path in wiring.plan.paths.values() for hop in path} == {0}


def test_a_shared_medium_alone_is_half_duplex() -> None:
    link = LINE.link(0.0, "tcp").model_copy(update={"shared_medium": True})
    wiring = wire(network(link), NODES, PAIRS, seed=0)
    assert len(wiring.plan.channels) == 2
    assert wiring.plan.paths[1, 0][0].channel == wiring.plan.paths[0, 1][0].channel


def test_directions_of_one_medium_may_differ_in_rate() -> None:
    link = LINE.link(0.0, "tcp")
    slow = link.up_rate.model_copy(update={"value": link.up_rate.value / 2})
    link = link.model_copy(update={"shared_medium": True, "up_rate": slow})
    wiring = wire(network(link, one_room=True), NODES, PAIRS, seed=0)
    down, up = (wiring.plan.paths[pair][0].channel for pair in ((0, 1), (1, 0)))
    first, second = (wiring.plan.channels[place] for place in (down, up))
    assert (first.rate_bps, second.rate_bps) == (pytest.approx(1e6), pytest.approx(5e5))
    assert (first.air, second.air) == (-1, down)
    core = LinkEmulator(wiring.plan)
    core.offer(0.0, (0, 1), b"x" * 125)
    core.offer(0.0, (2, 0), b"x" * 125)
    assert [found.due_s for found in core.deliveries(1.0)] == pytest.approx([0.031, 0.033])


def test_a_backhaul_is_a_second_hop() -> None:
    fibre = links()["wan_fibre"]
    wiring = wire(network(LINE.link(0.0, "tcp"), backhaul=fibre), NODES, PAIRS, seed=0)
    up, down = wiring.plan.paths[1, 0], wiring.plan.paths[0, 1]
    assert [hop.delay_s for hop in up] == [0.03, fibre.rtt.value / 2]
    assert [hop.delay_s for hop in down] == [fibre.rtt.value / 2, 0.03]
    assert wiring.size == 1280


@pytest.mark.parametrize("payload", [1, 100, 1228])
@pytest.mark.parametrize("fragment", [0, 96])
def test_time_on_air_of_a_segment_is_the_simulators(payload: int, fragment: int) -> None:
    line = Line("line", "line", 250e3, 0.02, 1280, False, 0.0, fragment, 31 if fragment else 0)
    way = Way.of(line.link(0.0, "tcp"), up=True)
    channel = channel_of(way, "tcp")
    assert channel.airtime_s(payload + HEADER_BYTES["tcp"]) == pytest.approx(way.packets_s(payload))


def test_time_on_air_of_a_frame_whose_headers_are_compressed() -> None:
    way = Way.of(links()["ieee802154_1hop"], up=True)
    channel = channel_of(way, "datagram")
    size = int(way.payload_bytes) + HEADER_BYTES["datagram"]
    assert channel.airtime_s(size) == pytest.approx(way.packets_s(int(way.payload_bytes)))
    assert channel.queue_bytes is None


def test_tcp_over_a_link_that_repeats_its_frames() -> None:
    way = Way.of(links()["ble5_1m"], up=True)
    channel = channel_of(way, "tcp")
    assert channel.airtime_s(1000 + HEADER_BYTES["tcp"]) == pytest.approx(way.packets_s(1000))


def test_a_link_of_the_catalogue_keeps_its_rate() -> None:
    link = links()["wifi4_linux"].model_copy(update={"jitter": LINE.link(0.0, "tcp").jitter})
    wiring = wire(network(link), NODES, PAIRS, seed=0)
    core = LinkEmulator(wiring.plan)
    payload = int(Way.of(link, up=True).payload_bytes)
    for _ in range(10):
        core.offer(0.0, (1, 0), b"x" * (payload + HEADER_BYTES["tcp"]))
    last = [found.due_s for found in core.deliveries(float("inf"))][-1]
    assert 8 * 10 * payload / (last - link.rtt.value / 2) == pytest.approx(link.up_rate.value, rel=0.05)


def small_blocks() -> Network:
    link = LINE.link(0.0, "coap")
    return network(link.model_copy(update={"frame_payload": link.frame_payload.model_copy(update={"value": 100.0})}))


def scheduled() -> Network:
    fleet = FleetSpec(groups=(GroupSpec(name=GROUP, count=2),))
    return NetworkSpec(schedules=(LinkSchedule(steps=(Step(rate=0.5),)),)).resolve(fleet)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: network(LINE.link(0.0, "tcp"), topology=Mesh()), "pass on the messages of others"),
        (
            lambda: network(LINE.link(0.0, "tcp"), topology=Hierarchical(gateways=1), backhaul="wan_fibre"),
            "stored whole on the way",
        ),
        (lambda: network("lorawan_eu868_sf7"), "a share of the time only"),
        (small_blocks, "a block of CoAP holds"),
        (scheduled, "change by a schedule"),
    ],
)
def test_what_is_not_emulated_says_why(made: Any, reason: str) -> None:
    with pytest.raises(EngineError, match=reason):
        wire(made(), NODES, PAIRS, seed=0)


def test_every_scenario_can_be_wired() -> None:
    for scenario in scenarios():
        trace = scenario.workload.rounds(1)
        sends = trace["kind"] == 1
        nodes = [SERVER, *range(scenario.workload.devices)]
        pairs = set(zip(trace["source"][sends].tolist(), trace["target"][sends].tolist(), strict=True))
        wiring = wire(scenario.workload.network(scenario.link), nodes, sorted(pairs), 0)
        assert all(one.rate_bps == pytest.approx(scenario.line.rate_bps) for one in wiring.plan.channels)
        assert wiring.size == scenario.line.mtu if scenario.transport == "tcp" else wiring.size <= scenario.line.mtu
        assert wiring.transport == scenario.transport


def test_all_workloads_have_rounds() -> None:
    for kind, member in workloads.members().items():
        workload = member()
        trace = workload.rounds(2)
        assert trace.num_rounds == 2, kind
        half = trace.num_items // 2
        assert np.array_equal(trace["size"][:half], trace["size"][half:])


def test_sizes_stand_for_whole_messages() -> None:
    trace = StarWorkload(devices=3, size=999).rounds(1)
    assert trace["size"][trace["kind"] == 1].tolist() == [999] * 3
