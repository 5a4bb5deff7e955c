"""Claims, leases and the fence around every write of a worker."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.core.events import Event
from engine.runs.sinks import HostTimes
from engine.task.context import Progress
from tests.webapp.rows import add_batch, make_run, metrics
from webapp.experiments.log import events_after
from webapp.experiments.models import Artifact, EventBatch, Run, RunState, RunTransition
from webapp.experiments.series import series
from webapp.experiments.states import Conflict, move
from webapp.teams.models import Team
from workers import reaper
from workers.control import Wishes
from workers.lease import Lease, claim
from workers.sink import DatabaseSink
from workers.store import RunStore, Superseded

pytestmark = pytest.mark.django_db(transaction=True)  # side threads write, too


@pytest.fixture
def team() -> Team:
    return Team.objects.create(slug="lab", name="Lab")


@pytest.fixture
def run(team: Team) -> Run:
    return make_run(team)


def claimed(run: Run, owner: str = "w1") -> Run:
    found = claim(run.pk, owner=owner, job_id="job")
    assert found is not None
    return found


def test_of_two_claims_one_gets_the_run(run: Run) -> None:
    first = claimed(run)

    assert claim(run.pk, owner="w2", job_id="again") is None
    assert (first.state, first.attempt, first.lease_owner) == (RunState.RUNNING, 1, "w1")
    assert [(row.from_state, row.to_state, row.actor) for row in RunTransition.objects.all()] == [
        ("queued", "running", "w1")
    ]


def test_a_superseded_worker_can_write_nothing(run: Run) -> None:
    old = RunStore(claimed(run))
    Run.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    reaper.requeue_lost(timezone.now())
    # Between the reaper and the next claim nobody owns the run; the old worker has lost it already.
    for write in _writes(old):
        with pytest.raises(Superseded):
            write()
    new = RunStore(claimed(run, "w2"))
    for write in _writes(old):
        with pytest.raises(Superseded):
            write()

    new.append([metrics(1, 1, loss=1.0)])
    run.refresh_from_db()
    assert (run.attempt, run.last_seq, run.checkpoint, run.state) == (3, 1, "", RunState.RUNNING)
    assert EventBatch.objects.count() == 1
    assert not Artifact.objects.exists()


def _writes(store: RunStore):
    return [
        lambda: store.append([metrics(1, 1, loss=5.0)]),
        lambda: store.progress(Progress(1, 2, "round"), HostTimes(1.0, None)),
        lambda: store.point_to("a1-1.json"),
        lambda: store.keep_artifact("model.bin", b"old"),
        lambda: store.compact(),
        lambda: store.leave(RunState.DONE, "all_rounds"),
    ]


def test_a_worker_that_failed_late_changes_nothing(run: Run) -> None:
    old = RunStore(claimed(run))
    Run.objects.update(attempt=2)

    with pytest.raises(Superseded):
        old.leave(RunState.FAILED, "too late", failure={})
    assert Run.objects.get().state == RunState.RUNNING


def test_the_lease_is_renewed_and_wishes_arrive(run: Run, settings: pytest.FixtureRequest) -> None:
    settings.HEARTBEAT_S = 0.05
    mine, wishes = claimed(run), Wishes()
    with Lease(mine, wishes):
        before = Run.objects.get().lease_expires_at
        _until(lambda: Run.objects.get().lease_expires_at > before)
        assert wishes.strongest == ""
        Run.objects.update(wanted="pause")
        _until(wishes.loop.should_pause)
        Run.objects.update(wanted="cancel")
        _until(wishes.loop.should_stop)
        Run.objects.update(attempt=7)
        _until(lambda: wishes.strongest == "lost")


def _until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_sink_stores_by_itself_and_takes_nothing_twice(run: Run) -> None:
    add_batch(run, [metrics(1, 1, loss=1.0), metrics(2, 2, loss=0.5)])
    sink = DatabaseSink(RunStore(claimed(run)))
    sink.write([_event(1), _event(2), _event(3)])
    sink.progress(Progress(3, 9, "round"), HostTimes(4.5, 12.0))

    _until(lambda: Run.objects.get().last_seq == 3)
    _until(lambda: Run.objects.get().progress_done == 3)
    assert EventBatch.objects.filter(seq_first=3).exists()
    sink.write([_event(2), _event(3), _event(4)])
    sink.close()

    assert [frame["seq"] for frame in events_after(run)] == [1, 2, 3, 4]
    assert (Run.objects.get().host_time_s, Run.objects.get().remaining_s) == (4.5, 12.0)
    assert series(run)["loss"]["steps"] == [1, 2, 3, 4]


def test_the_sink_makes_chunks_of_what_an_earlier_attempt_left_in_the_log(run: Run, monkeypatch) -> None:
    monkeypatch.setattr("workers.sink.CHUNK_POINTS", 4)
    add_batch(run, [metrics(1, 1, loss=1.0), metrics(2, 2, loss=2.0)])
    sink = DatabaseSink(RunStore(claimed(run)))
    sink.write([_event(3), _event(4), _event(5)])
    sink.flush()
    sink.write([_event(6)])
    sink.close()

    assert [(chunk.seq_first, chunk.seq_last) for chunk in run.chunks.all()] == [(1, 5)]
    assert series(run)["loss"]["steps"] == [1, 2, 3, 4, 5, 6]


def test_what_the_side_thread_ran_into_reaches_the_loop(run: Run) -> None:
    sink = DatabaseSink(RunStore(claimed(run)))
    Run.objects.update(attempt=9)
    sink.write([_event(1)])
    _until(sink._side.done)

    with pytest.raises(Superseded):
        sink.write([_event(2)])
    sink.abandon()
    assert not EventBatch.objects.exists()


def _event(seq: int) -> Event:
    return Event(kind="metrics", body={"round": seq, "values": {"loss": float(seq)}}, sim_time_s=seq * 2.0, seq=seq)


def test_compaction_joins_small_chunks(run: Run, monkeypatch) -> None:
    monkeypatch.setattr("workers.sink.CHUNK_POINTS", 2)
    store = RunStore(claimed(run))
    sink = DatabaseSink(store)
    for seq in range(1, 9):
        sink.write([_event(seq)])
        sink.flush()
    sink.close()
    before = series(run)
    assert run.chunks.count() == 4
    store.compact()

    assert run.chunks.count() == 1
    assert series(run) == before


def test_a_lost_run_is_requeued_and_fails_after_too_many_losses(run: Run, settings) -> None:
    settings.MAX_ATTEMPTS = 3
    for losses in (1, 2):
        claimed(run)
        Run.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        reaper.sweep()
        run.refresh_from_db()
        assert (run.state, run.losses) == (RunState.QUEUED, losses)
    claimed(run)
    Run.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    reaper.sweep()

    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert run.failure["code"] == "worker_lost"
    assert "memory" in run.failure["remedy"]


def test_progress_between_losses_starts_the_count_again(run: Run) -> None:
    Run.objects.update(losses=4)
    RunStore(claimed(run)).point_to("a1-1.json")

    assert Run.objects.get().losses == 0


def test_a_live_lease_is_left_alone(run: Run) -> None:
    claimed(run)
    reaper.sweep()

    assert Run.objects.get().state == RunState.RUNNING


@pytest.mark.parametrize(("wish", "state"), [("cancel", RunState.CANCELLED), ("pause", RunState.PAUSED)])
def test_a_lost_run_that_was_to_stop_is_stopped(run: Run, wish: str, state: str) -> None:
    claimed(run)
    Run.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1), wanted=wish)
    reaper.sweep()

    assert Run.objects.get().state == state


def test_a_hung_run_is_ended_after_the_grace_time(run: Run, monkeypatch) -> None:
    ended: list[str] = []
    monkeypatch.setattr("webapp.broker.end_job", ended.append)
    mine = claimed(run)
    Run.objects.update(wanted="cancel", wanted_at=timezone.now() - timedelta(seconds=30))
    reaper.sweep()
    assert Run.objects.get().state == RunState.RUNNING  # within the grace time of 60 s
    Run.objects.update(wanted_at=timezone.now() - timedelta(seconds=61))
    reaper.sweep()

    assert Run.objects.get().state == RunState.CANCELLED
    assert ended == ["job"]
    with pytest.raises(Superseded):
        RunStore(mine).point_to("x")


def test_states_change_only_along_the_machine(team: Team) -> None:
    done = make_run(team, RunState.DONE)
    with pytest.raises(Conflict, match="done"):
        move(done, RunState.QUEUED, actor="x")
    stale = make_run(team, RunState.QUEUED)
    Run.objects.filter(pk=stale.pk).update(state=RunState.RUNNING)
    assert move(stale, RunState.CANCELLED, actor="x") is False
    assert not RunTransition.objects.exists()


def test_only_missing_messages_are_sent_again(team: Team, monkeypatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr("webapp.broker.send", lambda name, run_id: sent.append(run_id) or True)
    old = timezone.now() - timedelta(hours=1)
    runs = [make_run(team, sent_at=old + timedelta(minutes=place)) for place in range(3)]
    make_run(team, sent_at=timezone.now())
    monkeypatch.setattr("webapp.broker.num_waiting", lambda queue: 4)
    reaper.sweep()
    assert sent == []  # all four just wait for their turn
    monkeypatch.setattr("webapp.broker.num_waiting", lambda queue: 2)
    reaper.sweep()
    assert sent == [str(run.pk) for run in runs[:2]]
    monkeypatch.setattr("webapp.broker.num_waiting", lambda queue: None)
    reaper.sweep()
    assert len(sent) == 2  # the broker is down
