"""What the System page says about workers and waiting runs, and to whom."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.api.client import Api
from tests.webapp.people import People
from tests.webapp.rows import make_run
from webapp import broker
from webapp.experiments import hub
from webapp.experiments.models import RunState, Shard
from webapp.system import status
from webapp.teams.tokens import issue_token


@pytest.fixture(autouse=True)
def alive(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names = ["interactive@host", "runs@host"]
    monkeypatch.setattr(status, "_alive", lambda url: names)
    monkeypatch.setattr(broker, "num_waiting", lambda queue: 2)
    return names


def test_workers_name_the_runs_that_one_may_see(people: People) -> None:
    mine = make_run(people.team, RunState.RUNNING, lease_owner="runs@host:11")
    make_run(people.elsewhere, RunState.RUNNING, lease_owner="runs@host:12")
    interactive, runs = status.workers(lambda rows: rows.visible_to(people["viewer"]))
    assert (interactive.runs, interactive.num_foreign) == ([], 0)
    assert (runs.queue, runs.runs, runs.num_foreign) == ("runs", [mine.pk], 1)


def test_workers_name_the_runs_with_which_they_help(people: People) -> None:
    mine = make_run(people.team, RunState.RUNNING, lease_owner="runs@other:11", attempt=1)
    foreign = make_run(people.elsewhere, RunState.RUNNING, lease_owner="runs@other:12", attempt=1)
    ended = make_run(people.team, RunState.DONE, attempt=1, text="ended")
    for run in (mine, foreign, ended):
        Shard.objects.create(run=run, attempt=1, number=1, lease_owner="runs@host:13")
        Shard.objects.create(run=run, attempt=1, number=2, lease_owner="runs@host:14")
        Shard.objects.create(run=run, attempt=1, number=3)
    _, runs = status.workers(lambda rows: rows.visible_to(people["viewer"]))
    assert (runs.runs, runs.helps, runs.num_foreign) == ([], [mine.pk], 1)

    client = Client()
    client.force_login(people["viewer"], backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "2 helpers" in client.get(f"/runs/{mine.pk}/").content.decode()
    assert f'helps <a href="/runs/{mine.pk}/"' in client.get("/system/").content.decode()


def test_why_a_run_waits(people: People, alive: list[str]) -> None:
    now = timezone.now()
    foreign = make_run(people.elsewhere, RunState.QUEUED, sent_at=now)
    second = make_run(people.team, RunState.QUEUED, sent_at=now + timezone.timedelta(seconds=1))

    def reasons(user: str) -> list[tuple[Any, str]]:
        seen = lambda rows: rows.visible_to(people[user])  # noqa: E731
        return [(entry.run.pk, entry.reason) for entry in status.waiting(seen, status.workers(seen))]

    assert reasons("viewer") == [(second.pk, "1 queued before it, while 0 runs compute.")]
    assert reasons("stranger") == [(foreign.pk, "A worker takes it now.")]
    make_run(people.team, RunState.RUNNING, lease_owner="runs@host:1")
    assert reasons("stranger") == [(foreign.pk, "It is next: all workers compute other runs (1 run).")]
    alive.clear()
    assert "No worker for runs answers" in reasons("viewer")[0][1]


def test_page_and_rest_say_the_same(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(people.team, RunState.QUEUED, sent_at=timezone.now())
    make_run(people.elsewhere, RunState.QUEUED, sent_at=timezone.now())
    monkeypatch.setattr(hub, "_lags", [0.01, 0.02, 0.03])
    _, token = issue_token(people["viewer"], people.team, "reads", scopes=["read"])
    found = Api(token=token).get("/system")
    client = Client()
    client.force_login(people["viewer"], backend="allauth.account.auth_backends.AuthenticationBackend")
    page, part = client.get("/system/").content.decode(), client.get("/system/?part=status").content.decode()

    assert [entry["run"] for entry in found["waiting"]] == [str(run.pk)]
    assert (found["num_queued"], found["num_running"]) == (2, 0)
    assert found["queues"] == [{"name": name, "num_messages": 2} for name in ("runs", "shards", "interactive")]
    assert found["lag"] == {"num_messages": 3, "median_s": 0.02, "p95_s": 0.03}
    assert found["disk_bytes"]["free"] > 0
    assert {"Edgeloom", "Python", "torch", "SQLite"} <= found["versions"].keys()
    for text in (page, part):
        assert "A worker takes it now." in text
        assert "runs@host" in text
    assert "<nav" in page
    assert "<nav" not in part


def test_disk_counts_what_lies_in_the_folder(settings: Any, tmp_path: Path, db: None) -> None:
    settings.EDGELOOM_HOME = tmp_path
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "a").write_bytes(b"x" * 1234)
    found = status.disk.__wrapped__()
    assert found["artifacts"] == 1234
    assert found["uploads"] == 0
    assert found["database"] > 0
