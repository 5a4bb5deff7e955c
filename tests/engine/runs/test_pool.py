"""Helper processes for real: the same bits for every number of them, whatever happens to them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.core.events import Event
from engine.runs import pool, sharding
from engine.runs.context import make_context
from engine.runs.control import Control
from engine.runs.loop import Outcome, run
from engine.runs.pool import Helpers, ProcessCrew
from engine.runs.sinks import MemorySink
from engine.specs.text import parse
from engine.task.contract import Block, BlockResult
from tests.environment import ROOT

pytestmark = [pytest.mark.kill, pytest.mark.slow]

TEXT = """\
version: 1
name: Blocks with states of single clients
seeds: [0]
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 12}]}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: iid}
  model: {kind: mlp, hidden: [8]}
  strategy: {kind: scaffold}
  sampler: {kind: uniform, num_clients: 6}
  local: {epochs: 20, batch_size: 10, path: per_client}
  rounds: 6
"""
SPEC = parse(TEXT)

Result = tuple[Outcome, list[Event]]


@pytest.fixture(scope="module")
def alone() -> Result:
    """The run in one process."""
    return carry_out(Helpers(0), Path("unused"), Control())


@pytest.fixture(autouse=True)
def everything_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of any size go out."""
    monkeypatch.setattr(ProcessCrew, "least_macs", 0.0)
    monkeypatch.setattr(sharding, "MACS_PER_BYTE", 0.0)


class Watched:
    """Does something when the second round opens with all helpers at work, and counts what came from helpers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[ProcessCrew], None] = lambda crew: None) -> None:
        self.fetched = self.posts = 0
        post, fetch = ProcessCrew.post, ProcessCrew.fetch

        def posted(crew: ProcessCrew, blocks: Sequence[Block]) -> None:
            self.posts += 1
            post(crew, blocks)
            wait_until(lambda: self.posts > 1 or is_ready(crew))
            if self.posts == 2:
                wait_until(lambda: len(crew._board._waiting) <= len(blocks) - len(crew.processes))
                act(crew)

        def counted(crew: ProcessCrew, name: Any) -> BlockResult | None:
            result = fetch(crew, name)
            self.fetched += result is not None
            return result

        monkeypatch.setattr(ProcessCrew, "post", posted)
        monkeypatch.setattr(ProcessCrew, "fetch", counted)


def is_ready(crew: ProcessCrew) -> bool:
    """Whether all helpers have prepared the run."""
    return len(crew.processes) == len(crew._threads) and all(helper.world for helper in crew._helpers.values())


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def carry_out(helpers: Helpers, folder: Path, control: Control) -> Result:
    """The run with these helpers, from start to end."""
    sink = MemorySink()
    with helpers, helpers.executor(SPEC, 0, folder, control) as executor:
        context = make_context(SPEC, 0, executor=executor)
        outcome = run(SPEC, 0, context=context, sink=sink, control=control)
    return outcome, sink.events


def assert_same(found: Result, expected: Result, folder: Path) -> None:
    """Events and artifacts are the same, and nothing is left behind."""
    assert found[1] == expected[1]
    assert found[0].summary is not None
    assert expected[0].summary is not None
    assert found[0].summary.artifacts == expected[0].summary.artifacts
    assert not folder.exists()


@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.full), 2])
def test_every_number_of_helpers_gives_the_same_bits(
    count: int, alone: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched, helpers = Watched(monkeypatch), Helpers(count)
    found = carry_out(helpers, tmp_path / "blocks", Control())

    assert_same(found, alone, tmp_path / "blocks")
    assert watched.fetched >= 6, "helpers computed next to nothing"
    assert helpers.crew is not None
    assert helpers.crew.processes == []
    assert not caplog.records, "nothing went wrong"


def test_no_helper_is_started_for_blocks_that_are_too_small(
    alone: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProcessCrew, "least_macs", pool.LEAST_MACS)
    started: list[int] = []
    monkeypatch.setattr(pool.Helper, "__init__", lambda helper: started.append(1))
    assert_same(carry_out(Helpers(2), tmp_path / "blocks", Control()), alone, tmp_path / "blocks")
    assert not started


def test_a_killed_helper_is_started_again_and_its_block_computed_again(
    alone: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[int] = []

    def kill(crew: ProcessCrew) -> None:
        before.extend(crew.processes)
        for process in before:
            os.kill(process, signal.SIGKILL)
        wait_until(lambda: is_ready(crew) and not set(crew.processes) & set(before))

    watched = Watched(monkeypatch, kill)
    assert_same(carry_out(Helpers(2), tmp_path / "blocks", Control()), alone, tmp_path / "blocks")
    assert watched.fetched >= 6
    assert len(before) == 2


@pytest.mark.full
def test_a_helper_that_always_dies_is_given_up(
    alone: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started = pool.Helper.__init__

    def doomed(helper: pool.Helper) -> None:
        started(helper)
        helper.process.kill()

    monkeypatch.setattr(pool.Helper, "__init__", doomed)
    assert_same(carry_out(Helpers(1), tmp_path / "blocks", Control()), alone, tmp_path / "blocks")
    assert "3 in a row" in caplog.text


def test_a_stalled_helper_is_not_waited_for(alone: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "PATIENCE_S", 0.2)
    Watched(monkeypatch, lambda crew: os.kill(crew.processes[0], signal.SIGSTOP))
    assert_same(carry_out(Helpers(2), tmp_path / "blocks", Control()), alone, tmp_path / "blocks")


@pytest.mark.parametrize("wish", ["stop", pytest.param("pause", marks=pytest.mark.full)])
def test_a_run_ends_at_once_though_helpers_hang(wish: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "PATIENCE_S", 1000.0)
    control, asked = Control(), [0.0]

    def ask() -> None:
        asked[0] = time.monotonic()
        getattr(control, wish)()

    def hang(crew: ProcessCrew) -> None:
        for process in crew.processes:
            os.kill(process, signal.SIGSTOP)
        threading.Timer(0.5, ask).start()

    Watched(monkeypatch, hang)
    outcome, events = carry_out(Helpers(2), tmp_path / "blocks", control)

    assert outcome.status == {"stop": "cancelled", "pause": "paused"}[wish]
    assert time.monotonic() - asked[0] < 100.0  # a tenth of the patience with helpers, however busy the machine is
    assert len([event for event in events if event.kind == "metrics"]) == 1
    assert not (tmp_path / "blocks").exists()


def test_helpers_die_with_a_killed_run_which_goes_on_with_the_same_bits(alone: Result, tmp_path: Path) -> None:
    place, out = tmp_path / "spec.yaml", tmp_path / "out"
    place.write_text(TEXT.replace("seeds: [0]", "seeds: [0]\nexecution: {shards: 3, checkpoint_s: 0}"))
    # In the process of the command, too, blocks of any size go out.
    code = (
        "import sys; from engine.runs import pool, sharding; from engine.__main__ import main;"
        "pool.ProcessCrew.least_macs = sharding.MACS_PER_BYTE = 0.0; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "run", str(place), "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    log = out / "events.jsonl"
    wait_until(lambda: log.is_file() and len(log.read_text().splitlines()) > 8)
    children = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    assert children
    psutil.wait_procs(children, timeout=60)
    assert not any(child.is_running() and child.status() != "zombie" for child in children)

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    expected = alone[0].summary
    assert expected is not None
    assert (out / "artifacts" / "model.safetensors").read_bytes() == expected.artifacts["model.safetensors"]
    assert len(log.read_text().splitlines()) == len(alone[1])
    assert not (out / "blocks").exists()
