"""Shared links: what each scope shows, how they end, and what is kept of them."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from engine.core.errors import SpecError
from tests.webapp.people import People
from tests.webapp.rows import add_batch, make_run, metrics
from webapp import broker
from webapp.experiments.files import keep
from webapp.experiments.models import Artifact, Run, RunState
from webapp.sharing import services
from webapp.sharing.models import Share


@pytest.fixture
def run(people: People) -> Run:
    run = make_run(people.team, RunState.RUNNING)
    log = {"seq": 2, "kind": "log", "sim_time_s": 1.0, "body": {"level": "info", "message": "a line of the log"}}
    add_batch(run, [metrics(1, 1, accuracy=0.5), log])
    sha256 = keep(b"weights")
    Artifact.objects.create(
        team=people.team, run=run, sha256=sha256, name="out/w.bin", media_type="x/y", size_bytes=7, path=sha256
    )
    return run


Make = Callable[..., str]


@pytest.fixture
def share(people: People, run: Run) -> Make:
    def _share(scope: str, **more: Any) -> str:
        _, secret = services.share(run.cell.experiment, people["editor"], scope, **more)
        return secret

    return _share


def page_data(html: str) -> Any:
    found = re.search(r'<script id="page-data" type="application/json">(.*?)</script>', html)
    assert found
    return json.loads(found[1])


def test_a_summary_shows_the_result_and_names_no_run(share: Make, run: Run) -> None:
    secret = share("summary")
    html = Client().get(f"/shared/{secret}/").content.decode()
    assert "By hand" in html
    assert str(run.pk) not in html
    assert "a line of the log" not in html
    assert run.cell.experiment.text not in html
    series = Client().get(f"/shared/{secret}/series").json()
    assert str(run.pk) not in json.dumps(series)
    assert page_data(html)["cells"] == series["cells"]
    assert series["cells"][0]["runs"][0]["series"]["accuracy"]["values"] == [0.5]
    for path in (f"runs/{run.pk}/", f"runs/{run.pk}/events", f"artifacts/{run.artifacts.get().pk}"):
        assert Client().get(f"/shared/{secret}/{path}").status_code == 404, path


def test_runs_come_with_logs_and_live_addresses_but_no_files(share: Make, run: Run) -> None:
    secret = share("runs")
    html = Client().get(f"/shared/{secret}/").content.decode()
    place = f"/shared/{secret}/runs/{run.pk}/"
    assert f'href="{place}"' in html
    assert page_data(html)["places"][str(run.pk)]["socket"] == f"/ws/shared/{secret}/runs/{run.pk}/"
    html = Client().get(place).content.decode()
    assert "a line of the log" in html
    assert "w.bin" not in html
    assert page_data(html)["places"]["events"] == f"{place}events"
    events = Client().get(f"{place}events?after=1").json()
    assert [event["seq"] for event in events["items"]] == [2]
    assert Client().get(f"{place}events?after=x").status_code == 400
    assert Client().get(f"{place}?part=head").content.decode().lstrip().startswith('<div id="run-head"')
    assert Client().get(f"/shared/{secret}/artifacts/{run.artifacts.get().pk}").status_code == 404


def test_artifacts_are_downloads(share: Make, run: Run) -> None:
    secret, artifact = share("artifacts"), run.artifacts.get()
    address = f"/shared/{secret}/artifacts/{artifact.pk}"
    assert f'href="{address}"' in Client().get(f"/shared/{secret}/runs/{run.pk}/").content.decode()
    answer: Any = Client().get(address)
    assert b"".join(answer.streaming_content) == b"weights"
    assert answer["Content-Disposition"] == 'attachment; filename="w.bin"'


def test_no_page_of_a_link_leads_into_the_platform_or_writes(share: Make, run: Run) -> None:
    secret = share("artifacts")
    for path in ("", f"runs/{run.pk}/"):
        answer = Client().get(f"/shared/{secret}/{path}")
        html = answer.content.decode()
        links = re.findall(r'(?:href|hx-get|action|hx-post)="(/[^"]*)"', html)
        assert links
        assert all(link.startswith((f"/shared/{secret}/", "/static/")) for link in links), links
        assert "@example.org" not in html, "who works in the team is not part of a link"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]
        assert "noindex" in answer["X-Robots-Tag"]
        assert "sessionid" not in answer.cookies
        assert Client().post(f"/shared/{secret}/{path}").status_code == 405


def test_a_link_counts_its_openings_and_not_its_refreshes(share: Make) -> None:
    secret = share("summary")
    client = Client()
    client.get(f"/shared/{secret}/")
    client.get(f"/shared/{secret}/?part=summary")
    client.head(f"/shared/{secret}/")
    client.get(f"/shared/{secret}/series")
    client.get(f"/shared/{secret}/")
    shared = Share.objects.get()
    assert shared.num_views == 2
    assert shared.last_viewed_at is not None


def test_a_revoked_or_expired_link_shows_nothing_and_its_sockets_look_again(
    share: Make,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    told: list[str] = []
    monkeypatch.setattr(broker, "recheck", lambda: told.append("recheck"))
    secret = share("summary", expires_at=timezone.now() + timedelta(hours=1))
    assert Client().get(f"/shared/{secret}/").status_code == 200
    Share.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = Client().get(f"/shared/{secret}/series")
    assert answer.status_code == 410
    assert "has expired" in answer.content.decode()
    other = share("summary")
    with django_capture_on_commit_callbacks(execute=True):
        services.revoke(Share.objects.get(expires_at=None), people["owner"])
    assert told == ["recheck"]
    assert "was ended" in Client().get(f"/shared/{other}/").content.decode()
    assert "By hand" not in Client().get(f"/shared/{other}/").content.decode()
    assert Client().get("/shared/nothing/").status_code == 404


def test_only_the_hash_is_stored_and_only_editors_share(share: Make, people: People, run: Run) -> None:
    secret = share("summary")
    assert secret not in str(list(Share.objects.values()))
    assert len(secret) >= 43, "256 bits"
    for name in ("viewer", "runner", "stranger"):
        with pytest.raises(PermissionDenied):
            services.share(run.cell.experiment, people[name], "summary")
        with pytest.raises(PermissionDenied):
            services.revoke(Share.objects.get(), people[name])


def test_all_that_is_wrong_is_said_at_once(share: Make) -> None:
    with pytest.raises(SpecError) as caught:
        share("everything", name="x" * 81, expires_at=timezone.now() - timedelta(days=1))
    assert {problem.path for problem in caught.value.problems} == {"scope", "name", "expires_at"}


def test_the_page_makes_shows_once_lists_and_ends_a_link(people: People, run: Run) -> None:
    client = Client()
    client.force_login(people["editor"], backend="allauth.account.auth_backends.AuthenticationBackend")
    page = f"/experiments/{run.cell.experiment.pk}/share"
    html = client.post(page, {"scope": "runs", "days": "7", "name": "the reviewers"}).content.decode()
    address = re.search(r"http://testserver(/shared/[^/]+/)", html)
    assert address
    assert Client().get(address[1]).status_code == 200
    again = client.get(page).content.decode()
    assert address[1] not in again
    assert "the reviewers" in again
    assert "the reviewers" in client.get("/shares/").content.decode()
    shared = Share.objects.get()
    assert client.post(f"/shares/{shared.pk}/revoke", {"next": "https://evil.example.org/"})["Location"] == "/shares/"
    assert Client().get(address[1]).status_code == 410
    assert client.post(page, {"scope": "nonsense"}).status_code == 422
