"""Plans carried out by real processes that send each other real tensors, and processes that are killed on the way."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.__main__ import main
from engine.core.errors import EngineError, SpecError
from engine.emulation.fabric import FabricName
from engine.emulation.laboratory import Host
from engine.emulation.parent import Child
from engine.inference.cuts.execution import execute
from engine.inference.live.carried import Carried
from engine.inference.live.of_run import FILE
from engine.inference.live.packing import pack, unpack
from engine.inference.live.parent import LiveParent, Serving
from engine.inference.live.session import PROGRAM, Session
from engine.inference.live.trial import Trial
from engine.inference.plans.planning import Planning
from engine.inference.task import Inference
from engine.inference.world import World
from engine.models.build import build
from engine.models.weights import initial
from engine.runs.context import make_context
from engine.specs.text import parse
from engine.training.arrays import as_tensors, load
from tests.emulation.conftest import require

SPEC = """
fleet:
  groups:
    - name: boards
      count: 4
      device: {name: Board, linear_rate: 1.0e+6, conv_rate: 2.0e+7, other_rate: 1.0e+6, ram_bytes: 1.0e+7,
               active_power_w: 1.0, idle_power_w: 0.1}
network:
  topology: {kind: star}
  backhaul: null
  links: {boards: {name: Link, up_rate: 2.0e+7, down_rate: 2.0e+7, rtt: 0.01, loss: 0.0}}
task:
  kind: inference
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [32, 24]}}
  failures: {timeout_s: 0.5}
"""
COUNT = 12
NO_PROCESS = 2**22 + 1
"""Above every number that a process can have."""


def world_of(*settings: str) -> World:
    spec = parse(SPEC, settings=list(settings))
    assert isinstance(spec.task, Inference)
    return World(spec.task, make_context(spec, 0))


def trial_of(world: World, fabric: FabricName, at: tuple[int, ...] | None = None) -> Trial:
    """The plan of a task whose network is not trained: it is none the worse for that."""
    planning: Planning = world.planning
    graph = world.expected_network
    draw = np.random.default_rng(0)
    inputs = draw.standard_normal((5, *graph.sample.shape), dtype=np.float32)
    guard = planning._guard(at or planning.placements["chosen"].at, planning.shares())
    return Trial(guard, graph, initial(graph, 3), inputs, fabric, deadline_s=120.0)


def spread(world: World, devices: tuple[int, ...] = (1, 2, 3)) -> tuple[int, ...]:
    """Every piece on another device, the pinned ones where the answer is wanted."""
    pieces = world.planning.pieces.pieces
    return tuple(0 if piece.pinned else devices[number % len(devices)] for number, piece in enumerate(pieces))


def logits_of(carried: Carried) -> np.ndarray:
    found = [request.logits for request in carried.requests]
    assert all(logits is not None for logits in found)
    return np.stack([logits for logits in found if logits is not None])


def expected(world: World, trial: Trial, count: int, *, whole: bool) -> np.ndarray:
    """What the network, or its pieces in this process, make of the same inputs."""
    module = build(trial.graph).eval()
    load(module, as_tensors(dict(trial.weights)))
    x = torch.from_numpy(trial.inputs[np.arange(count) % len(trial.inputs)])
    with torch.no_grad():
        found: np.ndarray = (module(x) if whole else execute(module, world.planning.pieces, x)).numpy()
    return found


def ended(carried: Carried) -> tuple[int, int, int]:
    """Requests that were answered, answered degraded, and failed: every one is one of these."""
    assert [request.number for request in carried.requests] == list(range(len(carried.requests)))
    assert all((request.latency_s is None) == (request.ending == "failed") for request in carried.requests)
    assert all(bool(request.reason) == (request.ending == "failed") for request in carried.requests)
    counts = carried.counts
    assert sum(counts.values()) == len(carried.requests)
    return counts["answered"], counts["degraded"], counts["failed"]


@pytest.fixture(scope="module")
def warm() -> Iterator[Host]:
    """A warm parent: it loads PyTorch once."""
    with Host(PROGRAM) as host:
        yield host


@pytest.mark.parametrize("bits", [32, 8, 4])
@pytest.mark.parametrize("count", [1, 6, 7])
def test_tensors_survive_their_bytes(bits: int, count: int) -> None:
    values = np.linspace(-1, 2, count, dtype=np.float32).reshape(1, count)
    body = pack(values, bits)
    assert len(body) == (4 * count if bits == 32 else -(-count * bits // 8) + 8)
    back = unpack(body, (1, count), bits, np.dtype(np.float32))
    assert np.abs(back - values).max() <= (0 if bits == 32 else 0.51 * 3 / (2**bits - 1))
    with pytest.raises(EngineError, match="was expected"):
        unpack(body + b"0", (1, count), bits, np.dtype(np.float32))


@pytest.mark.kill
@pytest.mark.parametrize(
    "splitter",
    ["layer}", "pipeline}", "channel, num_slices: 3}", "nonn, num_students: 3}"],
    ids=["layer", "pipeline", "channel", "students"],
)
def test_the_joined_output_is_that_of_the_whole_network(splitter: str, warm: Host) -> None:
    world = world_of(f"task.splitter={{kind: {splitter}")
    trial = trial_of(world, require("loopback"), spread(world))
    with Session(trial, warm) as session:
        carried = session.serve([None] * COUNT)
        assert len(set(session.script.at if session.script else ())) > 2
    assert ended(carried) == (COUNT, 0, 0)
    assert np.abs(logits_of(carried) - expected(world, trial, COUNT, whole=False)).max() < 1e-5
    assert np.abs(logits_of(carried) - expected(world, trial, COUNT, whole=True)).max() < 1e-5


@pytest.mark.kill
def test_narrowed_tensors_travel_in_fewer_bits(warm: Host) -> None:
    world = world_of("task.splitter={kind: layer, message_bits: 4}")
    trial = trial_of(world, require("loopback"), spread(world))
    with Session(trial, warm) as session:
        carried = session.serve([None] * COUNT)
    assert ended(carried) == (COUNT, 0, 0)
    # As the same pieces in one process; a value that lies between two steps may be rounded either way.
    difference = np.abs(logits_of(carried) - expected(world, trial, COUNT, whole=False))
    assert np.median(difference) < 1e-5
    assert difference.max() < 0.1
    assert np.abs(logits_of(carried) - expected(world, trial, COUNT, whole=True)).max() > 1e-3


@pytest.mark.kill
def test_tiles_over_tcp_and_time_as_simulated(real_fabric: FabricName, warm: Host) -> None:
    world = world_of("task.splitter={kind: spatial, num_tiles: 2}", "task.teacher.model={kind: ds_cnn}")
    trial = trial_of(world, real_fabric, spread(world))
    with Session(trial, warm) as session:
        carried = session.serve([None] * COUNT)
        assert session.script is not None
        assert len(set(session.processes.values())) == len(session.processes) == 5
        simulated_s = session.script.latency_s
    assert ended(carried) == (COUNT, 0, 0)
    assert np.abs(logits_of(carried) - expected(world, trial, COUNT, whole=True)).max() < 1e-4
    # A busy host makes things later, never earlier; how well both agree is measured by the command on a quiet one.
    assert 0.8 * simulated_s < min(carried.latencies_s) < 30 * simulated_s


@pytest.mark.kill
def test_a_process_that_is_killed_in_mid_stream_is_noticed_and_the_plan_renewed(fabric: FabricName, warm: Host) -> None:
    world = world_of("task.splitter={kind: pipeline}")
    trial = trial_of(world, fabric, spread(world))
    with Session(trial, warm) as session:
        threading.Timer(0.3, os.kill, (session.processes[2], signal.SIGKILL)).start()
        carried = session.serve([0.02 * number for number in range(40)])
    assert ended(carried) == (40, 0, 0)
    (noticed,) = carried.noticed
    assert (noticed.device, noticed.how, noticed.outcome) == (2, "ended", "replanned")
    assert 2 not in noticed.device_of
    assert sum(request.tries > 1 for request in carried.requests) == noticed.resent
    assert np.abs(logits_of(carried) - expected(world, trial, 40, whole=True)).max() < 1e-5


@pytest.mark.kill
def test_a_process_that_stands_still_is_noticed_too(warm: Host) -> None:
    world = world_of("task.splitter={kind: pipeline}", "task.failures.standbys=1", "task.failures.renew=false")
    trial = trial_of(world, require("loopback"), spread(world, (1, 2)))
    with Session(trial, warm) as session:
        os.kill(session.processes[1], signal.SIGSTOP)
        carried = session.serve([None] * 5)
    assert ended(carried) == (5, 0, 0)
    (noticed,) = carried.noticed
    assert (noticed.device, noticed.how, noticed.outcome, noticed.resent) == (1, "silent", "standby", 1)


@pytest.mark.kill
def test_students_answer_without_those_that_are_lost(warm: Host) -> None:
    world = world_of("task.splitter={kind: nonn, num_students: 3}", "task.failures.renew=false")
    trial = trial_of(world, require("loopback"), spread(world))
    with Session(trial, warm) as session:
        carried = session.serve([None] * COUNT, {1: 4, 3: 8})
        after = session.serve([None] * 2, {2: 1})
    assert ended(carried) == (4, 8, 0)
    assert [noticed.outcome for noticed in carried.noticed] == ["degraded"] * 2
    assert carried.noticed[1].device_of == (-1, 2, -1, 0)
    # What is missing counts as zero in the last layer.
    weights = {**trial.weights, "head.weight": trial.weights["head.weight"].copy()}
    slices = world.students(()).slices
    weights["head.weight"][:, slices[0]] = weights["head.weight"][:, slices[2]] = 0
    blind = Trial(trial.guard, trial.graph, weights, trial.inputs, trial.fabric)
    assert np.abs(logits_of(carried)[8:] - expected(world, blind, COUNT, whole=True)[8:]).max() < 1e-5
    # Without the last one there is nothing to join.
    assert ended(after) == (0, 1, 1)
    assert after.requests[1].reason == "there is no answer without device 1, 2, 3"


@pytest.mark.kill
def test_without_the_one_that_asks_every_request_fails_with_a_reason(warm: Host) -> None:
    world = world_of("task.splitter={kind: pipeline}")
    with Session(trial_of(world, require("loopback"), spread(world)), warm) as session:
        carried = session.serve([None] * 6, {0: 2})
    assert ended(carried) == (2, 0, 4)
    assert {request.reason for request in carried.requests[2:]} == {"device 0, which asks, is lost"}
    assert carried.noticed[0].renewed_s is None


def test_a_planned_kill_comes_late_rather_than_never_and_hits_no_lost_process() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeping:
        channel: Any = None
        parent = LiveParent({"fabric": "loopback"}, channel)
        parent.nodes = [Child(process, channel) for process in (NO_PROCESS, sleeping.pid, sleeping.pid)]
        parent._lost[1] = {}
        serving = Serving(
            {"kills": [{"place": 0, "after": -1}, {"place": 1, "after": 0}, {"place": 2, "after": 1}]}, []
        )
        parent._kill_due(serving)
        assert sleeping.poll() is None
        serving.told["answers"] = [[], []]
        parent._kill_due(serving)
        assert sleeping.wait(5) == -signal.SIGKILL
        assert serving.order["kills"] == []


def test_what_cannot_be_carried_out_is_refused() -> None:
    world = world_of("network={topology: {kind: ring}, backhaul: null}")
    with pytest.raises(EngineError, match="are not emulated"):
        Session(trial_of(world, "loopback"))
    world = world_of("fleet.groups=[{name: boards, count: 1, device: rpi_4b_4gb}]")
    with pytest.raises(EngineError, match="single device"):
        Session(trial_of(world, "loopback"))


RUN = """
execution: {backend: emulate, fabric: FABRIC, emulated_rounds: 20, kill_devices: [2]}
"""


@pytest.mark.kill
def test_a_run_tells_what_became_of_its_requests(
    fabric: FabricName, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    placer = "task.placer={kind: given, assignment: {fc1: 1, fc2: 2, head: 3}}"
    (tmp_path / "spec.yaml").write_text(SPEC + RUN.replace("FABRIC", fabric))
    settings = (
        "task.splitter={kind: pipeline}",
        placer,
        "task.teacher.training={epochs: 1}",
        "task.failures.standbys=1",
    )
    words = [word for setting in settings for word in ("--set", setting)]
    assert main(["run", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out"), *words]) == 0
    assert "20 requests (20 answered, 0 degraded, 0 failed) carried out" in capsys.readouterr().out
    costs = json.loads((tmp_path / "out" / "result.json").read_bytes())["costs"]
    assert (costs["emulated_rounds"], costs["emulated_answered"]) == (20, 20)
    assert costs["simulated_round_s"] < 3 * costs["emulated_round_s"]
    events = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]
    told = [event["body"]["message"] for event in events if event["kind"] == "log"]
    assert any("device 2 is lost, its process has ended; others that hold its weights took over" in one for one in told)
    assert any("20 answered, 0 degraded, 0 failed" in one for one in told)
    tree = json.loads((tmp_path / "out" / "artifacts" / FILE).read_bytes())
    assert [request["ending"] for request in tree["requests"]] == ["answered"] * 20
    assert tree["noticed"][0]["device"] == 2


def test_only_processes_that_there_are_can_be_killed() -> None:
    execution = "execution={backend: emulate, kill_devices: [7]}"
    with pytest.raises(SpecError, match=r"execution.kill_devices: device 7 has no process; there are 0, 1, 2, 3"):
        parse(SPEC, settings=[execution])
    with pytest.raises(SpecError, match=r"execution.kill_devices: is read with backend emulate"):
        parse(SPEC, settings=["execution={kill_devices: [1]}"])
    with pytest.raises(SpecError, match=r"execution.emulated_rounds: these requests take"):
        parse(
            SPEC,
            settings=[
                "execution={backend: emulate, emulated_rounds: 1000}",
                "task.requests={arrivals: evenly, rate_rps: 1}",
            ],
        )
