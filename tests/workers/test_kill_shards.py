"""Runs that several workers compute together, and what happens when some are killed or stalled: the same bits."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings

from tests.webapp.people import People
from tests.webapp.rows import TEXT as SHORT
from tests.workers.endings import assert_undisturbed, finish
from tests.workers.platform import Platform, reread, wait_until
from webapp.experiments.models import Run, RunState, Shard, ShardBlock
from webapp.experiments.services import cancel
from workers import reaper
from workers.helping import IDLE_S

pytestmark = [pytest.mark.kill, pytest.mark.slow]

TEXT = """\
version: 1
name: Blocks that are worth sending
seeds: [0]
execution: {checkpoint_s: 1, shards: 3}
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 6}]}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: iid}
  model: {kind: mlp, hidden: [800]}
  strategy: {kind: scaffold}  # with state of single clients
  sampler: {kind: uniform, num_clients: 5}
  local: {epochs: 25, batch_size: 32, path: per_client}
  rounds: 20
"""


def process_of(owner: str) -> int:
    """The process that holds a lease."""
    return int(owner.rpartition(":")[2])


def wait_for_help(run: Run, blocks: int = 2) -> Shard:
    """Wait until a helper has computed some blocks and is at the next."""
    at_work = Shard.objects.filter(run=run, num_blocks__gte=blocks, blocks__state="taken")
    wait_until(lambda: at_work.exists() or reread(run).is_final, "somebody helps", timeout_s=90, every_s=0.005)
    assert not reread(run).is_final, "too fast to be disturbed: give the spec more rounds"
    shard = Shard.objects.filter(run=run, num_blocks__gte=blocks).first()
    assert shard is not None
    return shard


def assert_nothing_left(run: Run) -> None:
    """No rows, no files."""
    wait_until(lambda: reaper.clear_shards() or not Shard.objects.exists(), "all places are gone")
    assert not ShardBlock.objects.exists()
    assert not list((Path(settings.RUNS_FOLDER) / str(run.pk)).glob("blocks-*"))


@pytest.mark.full
@pytest.mark.parametrize("num_workers", [1, 2])
def test_the_same_bits_from_one_worker_and_from_several(
    platform: Platform, run: Run, expected: list[dict[str, Any]], num_workers: int
) -> None:
    for number in range(num_workers):
        platform.start_worker(name=f"w{number}")
    if num_workers > 1:
        helper = wait_for_help(run)
        assert process_of(helper.lease_owner) != process_of(run.lease_owner)
    finish(run)

    assert_undisturbed(run, expected)
    assert run.attempt == 1
    assert_nothing_left(run)


@pytest.mark.parametrize("victim", ["helper", "coordinator"])
def test_sigkill_in_mid_round(platform: Platform, run: Run, expected: list[dict[str, Any]], victim: str) -> None:
    for name in ("first", "second"):
        platform.start_worker(name=name)
    helper = wait_for_help(run)
    os.kill(process_of(helper.lease_owner if victim == "helper" else run.lease_owner), signal.SIGKILL)
    finish(run)

    assert_undisturbed(run, expected)
    assert (run.attempt == 1) == (victim == "helper")
    assert_nothing_left(run)


@pytest.mark.full
@pytest.mark.parametrize("victim", ["helper", "coordinator"])
def test_a_stalled_worker_changes_nothing_after_its_lease(
    platform: Platform, run: Run, expected: list[dict[str, Any]], victim: str
) -> None:
    workers = [platform.start_worker(name=name) for name in ("first", "second", "third")]
    helper = wait_for_help(run)
    process = process_of(helper.lease_owner if victim == "helper" else run.lease_owner)
    os.kill(process, signal.SIGSTOP)
    if victim == "helper":
        taken = {"token__gt": helper.token, "number": helper.number}
        wait_until(lambda: Shard.objects.filter(**taken).exists() or reread(run).is_final, "its lease runs out")
    else:
        wait_until(lambda: reaper.sweep() or reread(run).attempt >= 2, "its lease runs out", every_s=0.3)
    os.kill(process, signal.SIGCONT)
    finish(run)
    told = {
        "helper": ("a result came too late", "not wanted any more"),
        "coordinator": ("belongs to somebody else now",),
    }[victim]
    logs = [worker.log for worker in workers]
    wait_until(lambda: any(words in log.read_text() for log in logs for words in told), "it notices")

    assert_undisturbed(run, expected)
    assert_nothing_left(run)


def test_a_cancelled_run_ends_at_once_though_a_helper_hangs(platform: Platform, run: Run, people: People) -> None:
    for name in ("first", "second"):
        platform.start_worker(name=name)
    helper = wait_for_help(run)
    process = process_of(helper.lease_owner)
    os.kill(process, signal.SIGSTOP)
    cancel(reread(run), people["runner"])
    wait_until(lambda: reread(run).state == RunState.CANCELLED, "it is cancelled while the helper hangs")
    os.kill(process, signal.SIGCONT)

    assert_nothing_left(run)


@pytest.mark.full
def test_a_run_that_is_queued_gets_the_helper_s_process_at_once(
    platform: Platform, run: Run, expected: list[dict[str, Any]], launch: Callable[[str], Run]
) -> None:
    for name in ("first", "second"):
        platform.start_worker(name=name)
    wait_for_help(run)
    began = time.monotonic()
    other = launch(SHORT)
    wait_until(lambda: reread(other).started_at is not None, "it begins")
    took_s = time.monotonic() - began
    assert took_s < IDLE_S, "it waited for more than a block"
    assert reread(run).state == RunState.RUNNING, "it did not wait for the end of the first"
    finish(other)
    assert other.state == RunState.DONE
    finish(run)

    assert_undisturbed(run, expected)
    assert_nothing_left(run)
    assert all(psutil.pid_exists(process.pid) for process in platform._processes)
