"""Runs carried out by a real worker: states, steering, failures, reuse."""

from collections.abc import Callable

import pytest

from tests.webapp.people import People
from tests.webapp.rows import TEXT
from tests.workers.platform import Platform, reread, wait_until
from webapp import broker
from webapp.experiments import files
from webapp.experiments.models import Cell, Run, RunState, RunTransition
from webapp.experiments.services import cancel, events_after, pause, result_of, resume, series, submit

pytestmark = pytest.mark.slow

LONG = TEXT.replace("rounds: 3", "rounds: 100000").replace("seeds: [0]", "seeds: [0]\nexecution: {checkpoint_s: 0.5}")


def test_a_run_goes_from_submission_to_result(platform: Platform, launch: Callable[[str], Run]) -> None:
    platform.start_worker()
    run = launch(TEXT)
    wait_until(lambda: reread(run).is_final, "the run ends")

    assert run.state == RunState.DONE, run.failure
    states = RunTransition.objects.filter(run=run).values_list("to_state", flat=True)
    assert list(states) == ["queued", "running", "done"]
    events = events_after(run)
    assert [event["seq"] for event in events] == list(range(1, run.last_seq + 1))
    assert (events[0]["kind"], events[-1]["kind"]) == ("started", "finished")
    assert (run.progress_done, run.progress_total, run.progress_unit) == (3, 3, "round")
    assert series(run, ["accuracy"])["accuracy"]["steps"] == [1, 2, 3]
    assert run.chunks.filter(name="accuracy").count() == 1
    result = result_of(run.cell.experiment)
    assert result["state"] == "done"
    assert result["digest"] == run.cell.digest
    assert result["metrics"]["accuracy"]["values"] == [events[-1]["body"]["metrics"]["accuracy"]]
    assert set(_hashes(run)) == {"model.safetensors", "trace.safetensors", "ledger.csv", "provenance.json"}
    model = run.artifacts.get(name="model.safetensors")
    assert files.path_of(model).stat().st_size == model.size_bytes
    assert run.lease_owner == ""


def test_users_pause_resume_and_cancel(platform: Platform, launch: Callable[[str], Run], people: People) -> None:
    platform.start_worker()
    run = launch(LONG)
    wait_until(lambda: reread(run).last_seq > 20, "the run says something")

    pause(run, people["runner"])
    wait_until(lambda: reread(run).state == RunState.PAUSED, "it pauses")
    seen = run.last_seq
    assert run.checkpoint
    resume(run, people["runner"])
    wait_until(lambda: reread(run).last_seq > seen + 20, "it goes on")
    cancel(run, people["runner"])
    wait_until(lambda: reread(run).state == RunState.CANCELLED, "it ends")

    assert [event["seq"] for event in events_after(run, limit=10**6)] == list(range(1, run.last_seq + 1))
    assert sum(event["kind"] == "started" for event in events_after(run, limit=10**6)) == 1
    reasons = RunTransition.objects.filter(run=run).values_list("to_state", "actor")
    assert [state for state, _ in reasons] == ["queued", "running", "paused", "queued", "running", "cancelled"]


def test_a_failure_says_cause_and_remedy(platform: Platform, launch: Callable[[str], Run]) -> None:
    run = launch(TEXT)
    # As if the catalogue or the engine had changed between submission and start.
    Cell.objects.filter(pk=run.cell_id).update(digest="0" * 64)
    platform.start_worker()
    wait_until(lambda: reread(run).is_final, "the run ends")

    assert run.state == RunState.FAILED
    assert run.failure["code"] == "spec_changed"
    assert "Clone" in run.failure["remedy"]
    assert "digest" not in run.failure["trace"]
    assert any("failed" in line for line in run.failure["log_tail"])
    assert run.last_seq == 0


def test_an_equal_run_is_taken_over(platform: Platform, launch: Callable[[str], Run], people: People) -> None:
    platform.start_worker()
    first = launch(TEXT)
    wait_until(lambda: reread(first).is_final, "the first run ends")

    again = launch(TEXT.replace("A few rounds", "The same by another name"))
    stranger = submit(people.elsewhere, people["stranger"], TEXT, launch=True)

    assert reread(again).state == RunState.DONE
    assert again.reused_from == first
    assert [strip(event) for event in events_after(again)] == [strip(event) for event in events_after(first)]
    assert series(again) == series(first)
    assert _hashes(again) == _hashes(first)
    first.cell.experiment.delete()
    assert len(events_after(reread(again))) == again.last_seq
    assert Run.objects.get(cell__experiment=stranger).reused_from is None


def _hashes(run: Run) -> dict[str, str]:
    return dict(run.artifacts.values_list("name", "sha256"))


def strip(event: dict) -> dict:
    """An event without its host time."""
    return {key: value for key, value in event.items() if key != "at"}


def test_a_repeated_message_does_no_harm(platform: Platform, launch: Callable[[str], Run]) -> None:
    run = launch(TEXT)
    for _ in range(5):
        assert broker.send(broker.EXECUTE, str(run.pk))
    platform.start_worker(processes=2)
    wait_until(lambda: reread(run).is_final, "the run ends")
    wait_until(lambda: broker.num_waiting(broker.RUNS_QUEUE) == 0, "all messages are taken")

    assert run.attempt == 1
    assert [event["seq"] for event in events_after(run)] == list(range(1, run.last_seq + 1))
