"""Workers and the broker are killed or stalled in mid-run; the run ends once, with the bits of an undisturbed one."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.webapp import rows
from tests.workers.endings import assert_undisturbed, finish
from tests.workers.platform import LEASE_S, Platform, reread, wait_until
from webapp import broker
from webapp.experiments.models import Run, RunState, RunTransition
from webapp.system.process import Process
from workers import reaper

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
  rounds: 160
"""


def wait_for_middle(run: Run, worker: Process, seq: int = 80) -> None:
    """Wait until the run is well under way and has a checkpoint."""
    wait_until(lambda: reread(run).last_seq > seq and run.checkpoint, "the run is under way", worker)
    assert run.state == RunState.RUNNING, "too fast to be disturbed: give the spec more rounds"


def pool_child(worker: Process) -> int:
    """The process in which a worker computes."""
    children = psutil.Process(worker.pid).children()
    assert len(children) == 1
    return children[0].pid


@pytest.mark.parametrize("victim", ["worker", "pool process"])
def test_sigkill_of_a_worker(platform: Platform, run: Run, expected: list[dict[str, Any]], victim: str) -> None:
    first = platform.start_worker(name="first")
    wait_for_middle(run, first)
    child = pool_child(first)
    os.kill(first.pid if victim == "worker" else child, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", "the child is gone")
    if victim == "worker":
        platform.start_worker(name="second")
    finish(run)

    assert_undisturbed(run, expected)
    assert run.attempt >= 2


def test_a_stalled_worker_writes_nothing_after_its_lease(
    platform: Platform, run: Run, expected: list[dict[str, Any]]
) -> None:
    first = platform.start_worker(name="first")
    wait_for_middle(run, first)
    child = pool_child(first)
    os.kill(child, signal.SIGSTOP)
    before = reread(run).last_seq
    platform.start_worker(name="second")
    wait_until(
        lambda: reaper.sweep() or (reread(run).attempt >= 2 and run.last_seq > before),
        "another worker goes on",
        timeout_s=90,
        every_s=0.5,
    )
    owner = run.lease_owner
    # It wakes up in the middle of the other's work, with events and a checkpoint of its own in hand.
    os.kill(child, signal.SIGCONT)
    wait_until(lambda: "belongs to somebody else now" in first.log.read_text(), "the old worker notices", first)
    finish(run)

    assert_undisturbed(run, expected)
    assert RunTransition.objects.get(run=run, to_state=RunState.DONE).actor == owner


def test_sigkill_of_broker_and_web_server(platform: Platform, run: Run, expected: list[dict[str, Any]]) -> None:
    web, _ = platform.start_web()
    worker = platform.start_worker()
    wait_for_middle(run, worker)
    platform.broker.kill_group()
    web.kill_group()
    time.sleep(LEASE_S / 2)
    seen = reread(run).last_seq
    wait_until(lambda: reread(run).last_seq > seen or run.is_final, "the run goes on without a broker", worker)
    platform.restart_broker()
    finish(run)

    assert_undisturbed(run, expected)
    assert run.attempt == 1


def test_beat_has_a_message_sent_again_that_was_lost_with_its_worker(
    platform: Platform, launch: Callable[[str], Run]
) -> None:
    run = launch(rows.TEXT)
    broker._client().delete(broker.RUNS_QUEUE)  # as if a worker died between taking a message and noting it
    platform.start_beat()
    platform.start_worker()
    wait_until(lambda: reread(run).is_final, "the run ends", timeout_s=60)

    assert run.state == RunState.DONE
    assert run.attempt == 1


def test_a_stopped_worker_gives_its_run_back_at_once(
    platform: Platform, run: Run, expected: list[dict[str, Any]]
) -> None:
    first = platform.start_worker(name="first")
    wait_for_middle(run, first)
    first.signal(signal.SIGTERM)
    wait_until(lambda: first.exit_code is not None, "the worker stops")

    assert reread(run).state == RunState.QUEUED
    assert "the worker stopped" in RunTransition.objects.filter(run=run).last().reason
    platform.start_worker(name="second")
    finish(run)
    assert_undisturbed(run, expected)
    assert run.losses == 0
