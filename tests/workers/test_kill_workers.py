"""Workers and the broker are killed or stalled in mid-run; the run ends once, with the bits of an undisturbed one."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.webapp.people import People
from tests.workers.platform import LEASE_S, Platform, reread, wait_until
from tests.workers.reference import undisturbed
from webapp.experiments.log import events_after
from webapp.experiments.models import EventBatch, Run, RunState, RunTransition
from webapp.experiments.series import series
from webapp.system.process import Process

pytestmark = [pytest.mark.kill, pytest.mark.slow]

TEXT = """\
version: 1
name: Long enough to be disturbed
seeds: [0]
execution: {checkpoint_s: 0.3}
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 6}]}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: iid}
  model: {kind: mlp, hidden: [8]}
  strategy: {kind: scaffold}  # with state of single clients, so that checkpoints hold that, too
  sampler: {kind: uniform, num_clients: 2}
  rounds: 200
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The events of an undisturbed run."""
    return undisturbed(TEXT, tmp_path_factory.mktemp("reference"))


@pytest.fixture
def run(platform: Platform, launch: Callable[[str], Run]) -> Run:
    """A launched run that nobody works on yet."""
    return launch(TEXT)


def wait_for_middle(run: Run, worker: Process, seq: int = 150) -> None:
    """Wait until the run is well under way and has a checkpoint."""
    wait_until(lambda: reread(run).last_seq > seq and run.checkpoint, "the run is under way", worker)
    assert run.state == RunState.RUNNING, "too fast to be disturbed: give the spec more rounds"


def assert_undisturbed(run: Run, expected: list[dict[str, Any]]) -> None:
    """The log has every event once, with the bits of the undisturbed run, and the run ended once."""
    assert run.state == RunState.DONE, run.failure
    found = [{**event, "at": None} for event in events_after(run, limit=10**6)]
    assert found == [{**event, "at": None} for event in expected]
    batches = EventBatch.objects.filter(run=run).order_by("seq_first").values_list("seq_first", "seq_last")
    assert [first for first, _ in batches] == [1, *(last + 1 for _, last in batches)][: len(batches)]
    assert RunTransition.objects.filter(run=run, to_state=RunState.DONE).count() == 1
    accuracy = [event["body"]["values"]["accuracy"] for event in expected if event["kind"] == "metrics"]
    assert series(run, ["accuracy"])["accuracy"]["values"] == accuracy
    assert run.result["metrics"] == expected[-1]["body"]["metrics"]


def pool_child(worker: Process) -> int:
    """The process in which a worker computes."""
    children = psutil.Process(worker.pid).children()
    assert len(children) == 1
    return children[0].pid


@pytest.mark.parametrize("victim", ["worker", "pool process"])
def test_sigkill_of_a_worker(platform: Platform, run: Run, expected: list[dict[str, Any]], victim: str) -> None:
    platform.start_beat()
    first = platform.start_worker(name="first")
    wait_for_middle(run, first)
    child = pool_child(first)
    os.kill(first.pid if victim == "worker" else child, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", "the child is gone")
    if victim == "worker":
        platform.start_worker(name="second")
    wait_until(lambda: reread(run).is_final, "the run ends", timeout_s=90)

    assert_undisturbed(run, expected)
    assert run.attempt >= 2


def test_a_stalled_worker_writes_nothing_after_its_lease(
    platform: Platform, run: Run, expected: list[dict[str, Any]]
) -> None:
    platform.start_beat()
    first = platform.start_worker(name="first")
    wait_for_middle(run, first, seq=60)
    child = pool_child(first)
    os.kill(child, signal.SIGSTOP)
    before = reread(run).last_seq
    platform.start_worker(name="second")
    wait_until(lambda: reread(run).attempt >= 2 and run.last_seq > before, "another worker goes on", timeout_s=90)
    owner = run.lease_owner
    # It wakes up in the middle of the other's work, with events and a checkpoint of its own in hand.
    os.kill(child, signal.SIGCONT)
    wait_until(lambda: "belongs to somebody else now" in first.log.read_text(), "the old worker notices", first)
    wait_until(lambda: reread(run).is_final, "the run ends", timeout_s=90)

    assert_undisturbed(run, expected)
    assert RunTransition.objects.get(run=run, to_state=RunState.DONE).actor == owner


def test_sigkill_of_the_broker(platform: Platform, run: Run, expected: list[dict[str, Any]]) -> None:
    platform.start_beat()
    worker = platform.start_worker()
    wait_for_middle(run, worker)
    platform.broker.kill_group()
    time.sleep(LEASE_S / 2)
    seen = reread(run).last_seq
    wait_until(lambda: reread(run).last_seq > seen or run.is_final, "the run goes on without a broker", worker)
    platform.restart_broker()
    wait_until(lambda: reread(run).is_final, "the run ends", timeout_s=90)

    assert_undisturbed(run, expected)
    assert run.attempt == 1


def test_a_message_lost_with_its_worker_is_sent_again(
    platform: Platform, run: Run, launch: Callable[[str], Run]
) -> None:
    from tests.webapp.rows import TEXT as SHORT
    from webapp import broker

    broker._client().delete(broker.RUNS_QUEUE)  # what a worker killed between taking and noting a message does
    Run.objects.filter(pk=run.pk).delete()
    lost = launch(SHORT)
    broker._client().delete(broker.RUNS_QUEUE)
    platform.start_beat()
    platform.start_worker()
    wait_until(lambda: reread(lost).is_final, "the run ends", timeout_s=60)

    assert lost.state == RunState.DONE


def test_a_stopped_worker_gives_its_run_back_at_once(
    platform: Platform, run: Run, expected: list[dict[str, Any]], people: People, tmp_path: Path
) -> None:
    first = platform.start_worker(name="first")
    wait_for_middle(run, first)
    began = time.monotonic()
    first.signal(signal.SIGTERM)
    wait_until(lambda: first.exit_code is not None, "the worker stops", first, timeout_s=20)
    took_s = time.monotonic() - began

    assert reread(run).state == RunState.QUEUED
    assert "the worker stopped" in RunTransition.objects.filter(run=run).last().reason
    assert took_s < 10
    platform.start_beat()
    platform.start_worker(name="second")
    wait_until(lambda: reread(run).is_final, "the run ends", timeout_s=90)
    assert_undisturbed(run, expected)
    assert run.losses == 0
