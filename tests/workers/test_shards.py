"""Places for helpers and blocks as rows: who may take what, and that nothing of a lost lease counts."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from engine.runs.sharding import BlockName
from engine.task.contract import Block, BlockResult
from tests.webapp.rows import make_run
from webapp import broker
from webapp.experiments.models import BlockState, Run, RunState, Shard, ShardBlock
from webapp.experiments.states import move
from webapp.teams.models import Team
from workers import reaper, shards
from workers.helping import Helper, claim_block, claim_shard
from workers.lease import claim
from workers.shards import RowCrew, folder_of
from workers.store import RunStore, Superseded

pytestmark = pytest.mark.django_db(transaction=True)

NAMES: Sequence[BlockName] = [("train", 1, place) for place in (1, 2, 3)]


@pytest.fixture
def team() -> Team:
    return Team.objects.create(slug="lab", name="Lab")


@pytest.fixture
def run(team: Team) -> Run:
    found = claim(make_run(team).pk, owner="w1", job_id="job")
    assert found is not None
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was given to the broker."""
    jobs: list[tuple[str, ...]] = []

    def send(*words: str) -> bool:
        jobs.append(words)
        return True

    monkeypatch.setattr(broker, "send", send)
    monkeypatch.setattr(broker, "num_waiting", lambda queue: len(jobs))
    return jobs


@pytest.fixture
def crew(run: Run, sent: list[tuple[str, ...]]) -> RowCrew:
    """A coordinator with two places for helpers and three open blocks."""
    crew = RowCrew(RunStore(run), 2)
    crew.post(blocks())
    return crew


def blocks() -> list[Block]:
    """Three blocks that read the same."""
    weights = {"w": np.ones(3)}
    return [Block(name, (number,), weights) for number, name in enumerate(NAMES)]


def helper(run: Run, owner: str = "w2") -> tuple[Helper, Shard]:
    """Somebody who helps."""
    shard = claim_shard(run.pk, owner)
    assert shard is not None
    return Helper(shard), shard


def finish(hand: Helper, block: ShardBlock | None) -> None:
    """Compute a block by a task that tells the place of its client."""

    class Spec:
        class task:  # noqa: N801 - stands for an instance
            @staticmethod
            def compute_block(context: Any, block: Block) -> BlockResult:
                """The place."""
                return BlockResult(values={"place": block.clients[0]})

    class World:
        spec, context = Spec, None

    assert block is not None
    hand._compute(World, block)  # type: ignore[arg-type]


def expire() -> None:
    """Let all leases of shards run out."""
    Shard.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_blocks_go_to_helpers_in_order_and_their_results_come_back_once(run: Run, crew: RowCrew) -> None:
    (first, one), (second, two) = helper(run), helper(run, "w3")
    assert claim_shard(run.pk, "w4") is None, "there are two places"
    assert (one.number, two.number) == (1, 2)
    finish(first, claim_block(one))
    taken = claim_block(two)

    assert crew.take(NAMES[1]) is None, "it is somebody's"
    assert crew.take() == NAMES[2]
    assert claim_block(one) is None
    result = crew.fetch(NAMES[0])
    assert result is not None
    assert result.values == {"place": 0}
    assert crew.fetch(NAMES[0]) is None
    assert crew.fetch(NAMES[1]) is None
    assert not crew.is_lost(NAMES[1])
    finish(second, taken)
    assert crew.fetch(NAMES[1]) is not None
    assert sorted(Shard.objects.values_list("number", "num_blocks")) == [(1, 1), (2, 1)]
    left = {place.name for place in folder_of(run.pk, run.attempt).iterdir()}
    assert left == {f"1-{name}.safetensors" for name in ("0", "0-inputs", "1", "2")}

    first.leave()
    crew.close()
    assert not Shard.objects.exists()
    assert not ShardBlock.objects.exists()
    assert not folder_of(run.pk, run.attempt).exists()
    assert (run.host_cpu_s or 0) > 0, "what helpers spent counts for the run"


def test_the_result_of_a_lost_lease_is_ignored(run: Run, crew: RowCrew) -> None:
    stalled, shard = helper(run)
    block = claim_block(shard)
    expire()
    assert crew.is_lost(NAMES[0])
    successor, again = helper(run, "w3")
    assert (again.pk, again.token) == (shard.pk, shard.token + 1)
    retaken = claim_block(again)
    assert retaken is not None
    assert block is not None
    assert retaken.pk == block.pk, "what was left unfinished comes first"

    finish(stalled, block)
    assert crew.fetch(NAMES[0]) is None
    stalled.leave()
    again.refresh_from_db()
    assert again.lease_owner == "w3", "the lease of the successor stays"
    finish(successor, retaken)
    assert crew.fetch(NAMES[0]) is not None
    assert not list(folder_of(run.pk, run.attempt).glob("*-1-1*")), "the file of the late result is gone"


def test_a_revoked_block_and_a_closed_round_take_no_results(run: Run, crew: RowCrew) -> None:
    hand, shard = helper(run)
    first = claim_block(shard)
    crew.revoke(NAMES[0])
    finish(hand, first)
    assert crew.fetch(NAMES[0]) is None
    second = claim_block(shard)
    crew.post([])
    finish(hand, second)
    assert not ShardBlock.objects.exists()
    assert list(folder_of(run.pk, run.attempt).iterdir()) == []


def test_a_block_that_a_helper_cannot_compute_is_left_to_the_coordinator(run: Run, crew: RowCrew) -> None:
    hand, shard = helper(run)
    hand._block = claim_block(shard)
    hand.note_failure({"message": "out of memory"})

    assert crew.take() == NAMES[1], "nobody takes it of his own accord"
    assert crew.take(NAMES[0]) == NAMES[0]


def test_a_result_whose_file_is_gone_is_computed_again(run: Run, crew: RowCrew) -> None:
    hand, shard = helper(run)
    finish(hand, claim_block(shard))
    folder = folder_of(run.pk, run.attempt)
    (folder / f"{ShardBlock.objects.get(state=BlockState.DONE).result}.safetensors").unlink()

    assert crew.fetch(NAMES[0]) is None
    assert crew.take(NAMES[0]) == NAMES[0]


def test_nobody_helps_while_runs_wait(run: Run, crew: RowCrew, team: Team) -> None:
    other = make_run(team, text="another")
    assert claim_shard(run.pk, "w2") is None
    hand, shard = None, None
    Run.objects.filter(pk=other.pk).update(state=RunState.PAUSED)
    hand, shard = helper(run)
    Run.objects.filter(pk=other.pk).update(state=RunState.QUEUED)
    assert shards.runs_wait()
    hand.leave()
    shard.refresh_from_db()
    assert (shard.lease_owner, shard.sent_at) == ("", None)


def test_only_the_same_kind_of_host_helps(run: Run, crew: RowCrew) -> None:
    Shard.objects.update(host="another kind of processor")
    assert claim_shard(run.pk, "w2") is None


def test_helpers_are_asked_for_once_and_again_when_they_are_gone(
    run: Run, crew: RowCrew, sent: list[tuple[str, ...]], team: Team
) -> None:
    assert sent == [(broker.SHARD, str(run.pk))] * 2
    crew.post(blocks())
    assert len(sent) == 2, "both messages still wait"
    sent.clear()
    crew.post(blocks())
    assert sent == [], "both were sent just now"
    hand, _ = helper(run)
    hand.leave()
    crew.post(blocks())
    assert len(sent) == 1
    sent.clear()
    Shard.objects.update(sent_at=timezone.now() - timedelta(seconds=settings.RESEND_S + 1))
    make_run(team, text="another")
    crew.post(blocks())
    assert sent == [], "runs come first"


def test_a_superseded_coordinator_opens_nothing(run: Run, crew: RowCrew) -> None:
    move(run, RunState.QUEUED, actor="reaper", attempt=run.attempt + 1)
    with pytest.raises(Superseded):
        crew.post(blocks())
    assert not ShardBlock.objects.exists()
    assert claim_shard(run.pk, "w2") is None


@pytest.mark.parametrize("end", ["lost", "cancelled"])
def test_the_reaper_removes_what_a_lost_coordinator_left(run: Run, crew: RowCrew, end: str) -> None:
    reaper.clear_shards()
    assert ShardBlock.objects.count() == 3, "the run goes on"
    hand, shard = helper(run)
    block = claim_block(shard)
    Run.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    if end == "lost":
        reaper.requeue_lost(timezone.now())
    else:
        Run.objects.filter(pk=run.pk).update(state=RunState.CANCELLED)
    reaper.clear_shards()

    assert not Shard.objects.exists()
    assert not ShardBlock.objects.exists()
    assert not folder_of(run.pk, run.attempt).exists()
    finish(hand, block)
    hand.leave()
    assert not folder_of(run.pk, run.attempt).exists()


def test_the_next_attempt_starts_without_what_was_left(run: Run, crew: RowCrew) -> None:
    shards.clear(run.pk, before=run.attempt)
    assert ShardBlock.objects.count() == 3
    shards.clear(run.pk, before=run.attempt + 1)
    assert not ShardBlock.objects.exists()
    assert not folder_of(run.pk, run.attempt).exists()
