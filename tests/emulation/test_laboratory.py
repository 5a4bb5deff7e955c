"""Processes, namespaces and emulated links of this host: they keep time, obey, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.core.nodes import SERVER
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.emulation.control import LaboratoryError
from engine.emulation.fabric import FabricName
from engine.emulation.kernel import network_namespace
from engine.emulation.laboratory import Host, Laboratory, Setting, Times
from engine.emulation.links import Channel, Hop, Plan
from engine.emulation.programs import programs_of
from tests.environment import ROOT

RATE, DELAY = 1e6, 0.02
PACE = 0.01
CLOCK = 1e-4
"""What clocks of two processes may differ by; a header takes four times that."""


def there_and_back(size: int, *, new_connection: bool = False) -> Trace:
    """One device computes, sends, and hears back."""
    builder = TraceBuilder()
    computed = builder.compute(0, Work(macs={"conv": 1}), 1, mode="infer")
    sent = builder.send(0, SERVER, size, new_connection=new_connection, after=computed)
    builder.send(SERVER, 0, 16, new_connection=False, after=sent)
    return builder.build()


def plan(loss: float = 0.0, delay: float = DELAY) -> Plan:
    return Plan(
        (Channel(RATE), Channel(RATE)), {(1, 0): (Hop(0, delay, loss),), (0, 1): (Hop(1, delay, loss),)}, seed=5
    )


def prepared(laboratory: Laboratory, trace: Trace, links: Plan | None = None) -> None:
    seconds = np.where(trace["kind"] == 0, PACE, 0.0)
    laboratory.prepare(links or plan(), programs_of(trace, 0, seconds))


def seconds(times: list[Times], item: int) -> list[float]:
    """How long an item took, each time."""
    return [one.end_s[item] - one.start_s[item] for one in times]


def is_about(found: list[float], expected_s: float) -> bool:
    """Whether something took what the link makes of it: never less, and at its best not a one-way delay more.

    A byte, a header or a handshake that was forgotten shows below, a round trip too many above. What lies between is
    the host's: a busy one is late with every packet.
    """
    return expected_s - CLOCK <= min(found) < expected_s + DELAY


def alive(processes: list[int]) -> list[int]:
    """Those that exist and are no zombies."""
    found = []
    for process in processes:
        status = Path("/proc", str(process), "stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z":
            found.append(process)
    return found


def gone(processes: list[int], patience_s: float = 60.0) -> bool:
    """Whether all end in time."""
    deadline = time.monotonic() + patience_s
    while alive(processes) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(processes)


@pytest.mark.slow
def test_times_are_those_of_the_link(fabric: FabricName, host: Host) -> None:
    trace = there_and_back(1000)
    with Laboratory(Setting(fabric, 2, 1280), host) as laboratory:
        prepared(laboratory, trace)
        times, is_complete = laboratory.run(20, 30.0)
        watched = laboratory.watched()
    assert is_complete
    assert len(times) == 20
    # 1000 bytes and a header of 52 at 1 Mbit/s, then the delay
    assert is_about(seconds(times, 1), 8 * 1052 / RATE + DELAY)
    assert is_about(seconds(times, 0), PACE)
    assert watched.wire_bytes >= watched.payload_bytes == 20 * (1000 + 16)
    assert (watched.stages, watched.overruns, watched.lost, watched.failures) == (20, 0, 0, 0)


@pytest.mark.slow
def test_a_connection_of_its_own_costs_a_round_trip(fabric: FabricName, host: Host) -> None:
    with Laboratory(Setting(fabric, 2, 1280), host) as laboratory:
        prepared(laboratory, there_and_back(1000, new_connection=True))
        times, _ = laboratory.run(10, 30.0)
    # SYN and SYN/ACK of 60 bytes there and back.
    expected = 8 * 1052 / RATE + DELAY + 2 * (8 * 60 / RATE + DELAY)
    assert is_about(seconds(times, 1), expected)


@pytest.mark.slow
def test_kept_connections_follow_one_that_served_a_single_message(real_fabric: FabricName, host: Host) -> None:
    # As before the requests of an inference: the server sends weights over a connection that it then gives up, and the
    # device begins to send at once.
    builder = TraceBuilder()
    builder.send(SERVER, 0, 1000, new_connection=True)
    with Laboratory(Setting(real_fabric, 2, 1280), host) as laboratory:
        prepared(laboratory, builder.build())
        assert laboratory.run(1, 10.0)[1]
        prepared(laboratory, there_and_back(1000))
        times, is_complete = laboratory.run(3, 10.0, first=1)
    assert is_complete
    assert len(times) == 3


@pytest.mark.slow
def test_loss_is_repaired_by_tcp(real_fabric: FabricName, host: Host) -> None:
    with Laboratory(Setting(real_fabric, 2, 1280), host) as laboratory:
        prepared(laboratory, there_and_back(5000), plan(loss=0.2))
        times, is_complete = laboratory.run(15, 60.0)
        watched = laboratory.watched()
    assert is_complete
    assert watched.lost > 5
    assert max(seconds(times, 1)) > 0.2


@pytest.mark.slow
def test_loss_is_repaired_by_coap(real_fabric: FabricName, host: Host) -> None:
    setting = Setting(real_fabric, 2, 1280, transport="coap", frame_payload=512)
    with Laboratory(setting, host) as laboratory:
        prepared(laboratory, there_and_back(1000), plan(loss=0.05))
        times, is_complete = laboratory.run(3, 60.0)
    assert is_complete
    # Two blocks, the first confirmed before the second is sent: headers of 40 and 39 bytes.
    quick = 2 * (8 * 40 / RATE + DELAY) + 8 * 1000 / RATE + 8 * 39 / RATE + DELAY
    found = seconds(times, 1)
    assert is_about(found, quick)
    # what was lost is sent again after two seconds at least, RFC 7252; the host is late by less than one
    assert all(value < quick + 1.0 or value > 2.0 for value in found)


@pytest.mark.slow
def test_datagrams_of_a_link_that_repeats(real_fabric: FabricName, host: Host) -> None:
    channel = Channel(RATE, packet_bytes=-36, fragment_bytes=100, fragment_header_bytes=10, queue_bytes=None)
    links = Plan((channel, channel), {(1, 0): (Hop(0, DELAY),), (0, 1): (Hop(1, DELAY),)})
    setting = Setting(real_fabric, 2, 576, transport="datagram", frame_payload=100)
    with Laboratory(setting, host) as laboratory:
        prepared(laboratory, there_and_back(2000), links)
        times, is_complete = laboratory.run(10, 30.0)
    assert is_complete
    assert is_about(seconds(times, 1), 20 * 8 * 110 / RATE + DELAY)


def test_nodes_live_in_namespaces_of_their_own(real_fabric: FabricName, host: Host) -> None:
    with Laboratory(Setting(real_fabric, 3, 1400), host) as laboratory:
        namespaces = laboratory.facts["namespaces"]
        assert len({*namespaces, network_namespace()}) == 4
        node = laboratory.facts["processes"][1]
        interfaces = Path("/proc", str(node), "net/dev").read_text()
        assert ("tun0" if real_fabric == "tun" else "eth0") in interfaces
        inet6 = Path("/proc", str(node), "net/if_inet6")
        assert not inet6.exists() or not inet6.read_text().strip()


def test_a_host_serves_one_laboratory_after_another(fabric: FabricName, host: Host) -> None:
    seen: list[int] = []
    for nodes in (2, 4):
        with Laboratory(Setting(fabric, nodes, 1280), host) as laboratory:
            assert len(laboratory.facts["processes"]) == nodes + 1
            seen += laboratory.facts["processes"]
    assert gone(seen)


@pytest.mark.slow
def test_real_tensors_are_computed(host: Host) -> None:
    with Laboratory(Setting("loopback", 2, 1280, computation="network"), host) as laboratory:
        prepared(laboratory, there_and_back(1000))
        times, _ = laboratory.run(3, 30.0)
    assert min(seconds(times, 0)) >= PACE - CLOCK


def test_too_much_computation_is_refused(host: Host) -> None:
    trace = there_and_back(1000)
    with Laboratory(Setting("loopback", 2, 1280, computation="network"), host) as laboratory:
        programs = programs_of(trace, 0, np.where(trace["kind"] == 0, 1e-6, 0.0))
        with pytest.raises(LaboratoryError, match="processors at once; allowed are") as refused:
            laboratory.prepare(plan(), programs)
    assert refused.value.remedy == "take fewer or slower devices"


@pytest.mark.slow
def test_a_round_that_does_not_end_is_given_up(real_fabric: FabricName, host: Host) -> None:
    with Laboratory(Setting(real_fabric, 2, 1280), host) as laboratory:
        prepared(laboratory, there_and_back(1000))
        laboratory.host.call({"order": "plan", "plan": {"channels": [], "paths": [], "seed": 0}, "size": 1280})
        times, is_complete = laboratory.run(3, 0.5)
        assert (times, is_complete) == ([], False)
        assert laboratory.watched(with_nodes=False).packets == 0


@pytest.mark.parametrize("nodes", [1, 129])
def test_impossible_sizes(nodes: int) -> None:
    with pytest.raises(LaboratoryError, match="2 to 128 nodes"):
        Laboratory(Setting("loopback", nodes, 1280))


@pytest.mark.kill
def test_the_deadline_ends_everything(fabric: FabricName, fresh_host: Host) -> None:
    with Laboratory(Setting(fabric, 2, 1280, deadline_s=3.0), fresh_host) as laboratory:
        prepared(laboratory, there_and_back(1000))
        processes = laboratory.facts["processes"]
        with pytest.raises(LaboratoryError, match="has ended"):
            laboratory.run(10_000, 60.0)
    assert gone(processes)


@pytest.mark.kill
def test_nothing_is_left_after_sigkill(fabric: FabricName) -> None:
    script = f"""
import sys, time
from engine.emulation.laboratory import Laboratory, Setting
with Laboratory(Setting({fabric!r}, 4, 1280)) as laboratory:
    print(laboratory.host.process, *laboratory.facts["processes"], flush=True)
    time.sleep(60)
"""
    user = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    processes = [int(word) for word in user.stdout.readline().split()]
    assert len(processes) == 6
    assert sorted(alive(processes)) == sorted(processes)
    os.kill(user.pid, signal.SIGKILL)
    user.wait()
    assert gone(processes)


@pytest.mark.kill
def test_a_node_that_dies_is_told(real_fabric: FabricName, fresh_host: Host) -> None:
    with Laboratory(Setting(real_fabric, 3, 1280), fresh_host) as laboratory:
        os.kill(laboratory.facts["processes"][1], signal.SIGKILL)
        with pytest.raises(LaboratoryError, match="node 1 has ended"):
            prepared(laboratory, there_and_back(1000))
