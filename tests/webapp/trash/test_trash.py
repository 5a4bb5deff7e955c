"""Deleted things are nowhere to be seen, come back whole, and go for good with all that belonged to them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.webapp.api.client import Api
from tests.webapp.people import People
from tests.webapp.rows import make_run
from tests.webapp.trash.conftest import file_of, folder_of
from webapp.experiments import services
from webapp.experiments.models import Artifact, Cell, EventBatch, Experiment, Run, RunState
from webapp.experiments.viewer import NOT_FOUND, find_run
from webapp.library import services as library
from webapp.library.models import Fleet
from webapp.sharing import services as sharing
from webapp.teams.models import TrailEntry
from webapp.teams.tokens import issue_token
from webapp.trash import items
from workers.lease import claim

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 5}]}


@pytest.mark.slow
def test_in_the_trash_nobody_sees_it(people: People, run: Run, client_of: Callable[[str], Client]) -> None:
    experiment = run.cell.experiment
    _, secret = sharing.share(experiment, people["owner"], "artifacts")
    _, token = issue_token(people["viewer"], people.team, "reads", scopes=["read"])
    artifact = Artifact.objects.get(run=run)
    guest, viewer, api = Client(), client_of("viewer"), Api(token=token)
    pages = [
        (guest, f"/shared/{secret}/"),
        (guest, f"/shared/{secret}/runs/{run.pk}/"),
        (viewer, f"/experiments/{experiment.pk}/"),
        (viewer, f"/runs/{run.pk}/"),
        (viewer, f"/artifacts/{artifact.pk}"),
    ]
    answers = [f"/experiments/{experiment.pk}", f"/runs/{run.pk}", f"/runs/{run.pk}/events"]
    lists = ["/experiments", "/runs", "/artifacts", "/shares"]
    assert [client.get(path).status_code for client, path in pages] == [200] * 5
    assert [len(api("GET", path).json()["items"]) for path in lists] == [1] * 4

    services.delete(experiment, people["editor"])

    assert [client.get(path).status_code for client, path in pages] == [404] * 5
    assert [api("GET", path).status_code for path in answers] == [404] * 3
    assert [api("GET", path).json()["items"] for path in lists] == [[]] * 4
    assert find_run(run.pk, session_key=None, token=token) == NOT_FOUND
    for path in ("/", "/experiments/", "/runs/", "/shares/"):
        assert str(experiment.pk) not in client_of("owner").get(path).content.decode()


def test_it_comes_back_whole(people: People, run: Run, client_of: Callable[[str], Client]) -> None:
    experiment = run.cell.experiment
    before = services.events_after(run)
    services.delete(experiment, people["editor"])
    client = client_of("editor")
    assert experiment.name in client.get("/trash/").content.decode()
    answer = client.post(f"/trash/{experiment.pk}/restore")

    assert (answer.status_code, answer["Location"]) == (302, f"/experiments/{experiment.pk}/")
    assert services.events_after(Run.objects.get(pk=run.pk)) == before
    assert client.get(f"/runs/{run.pk}/").status_code == 200
    assert file_of(run).exists()
    actions = TrailEntry.objects.filter(team=people.team).order_by("created_at").values_list("action", "actor")
    assert list(actions)[-2:] == [
        ("experiment.delete", "editor@example.org"),
        ("experiment.put_back", "editor@example.org"),
    ]


def test_deleted_for_good_with_all_that_belonged_to_it(people: People, run: Run, client_of: Callable[..., Any]) -> None:
    experiment, file = run.cell.experiment, file_of(run)
    services.delete(experiment, people["editor"])
    client = client_of("editor")
    assert b"cannot be undone" in client.get(f"/trash/{experiment.pk}/delete").content
    assert client.post(f"/trash/{experiment.pk}/delete").status_code == 302

    assert not Experiment.everything.exists()
    assert not (Run.everything.exists())
    assert not (Cell.objects.exists())
    assert not (EventBatch.objects.exists())
    assert not (file.exists())
    assert not (folder_of(run).exists())


def test_a_file_that_another_run_made_too_stays(people: People, run: Run) -> None:
    file, other = file_of(run), make_run(people.team, RunState.DONE)
    mine = Artifact.objects.get(run=run)
    Artifact.objects.create(
        team=people.team, run=other, sha256=mine.sha256, name="w", media_type="x/y", size_bytes=9, path=mine.sha256
    )
    for one in (other, run):
        services.delete(one.cell.experiment, people["editor"])
    services.purge(run.cell.experiment, people["editor"])
    assert file.exists(), "the other run is in the trash and may come back"
    services.purge(other.cell.experiment, people["editor"])
    assert not file.exists()


def test_waiting_runs_are_paused_and_running_ones_forbid_it(people: People) -> None:
    waiting, running = make_run(people.team, RunState.QUEUED), make_run(people.team, RunState.RUNNING)
    services.delete(waiting.cell.experiment, people["editor"])
    assert claim(waiting.pk, owner="w", job_id="") is None
    assert Run.everything.get(pk=waiting.pk).state == RunState.PAUSED
    with pytest.raises(services.Conflict, match="running"):
        services.delete(running.cell.experiment, people["editor"])
    with pytest.raises(services.Conflict, match="not in the trash"):
        services.purge(running.cell.experiment, people["editor"])


def test_a_fenced_write_to_a_run_does_not_join(people: People) -> None:
    run = make_run(people.team)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert claim(run.pk, owner="w", job_id="")
    updates = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert updates
    assert not [sql for sql in updates if "SELECT" in sql or "JOIN" in sql]


def test_only_editors_may(people: People, run: Run) -> None:
    for user in (people["runner"], people["stranger"]):
        with pytest.raises(PermissionDenied):
            services.delete(run.cell.experiment, user)
    services.delete(run.cell.experiment, people["editor"])
    for act in (services.restore, services.purge):
        with pytest.raises(PermissionDenied):
            act(run.cell.experiment, people["runner"])


def test_designs_too(people: People, client_of: Callable[[str], Client]) -> None:
    fleet = library.create("fleets", people.team, people["editor"], "Boards", FLEET)
    library.remove(fleet, people["editor"])
    assert client_of("viewer").get(f"/fleets/{fleet.pk}/").status_code == 404
    with pytest.raises(KeyError):
        library.body_for(people.team, "fleets", str(fleet.pk))
    client = client_of("editor")
    assert client.post(f"/trash/{fleet.pk}/restore")["Location"] == f"/fleets/{fleet.pk}/"
    assert client.get(f"/fleets/{fleet.pk}/").status_code == 200
    library.remove(fleet, people["editor"])
    client.post(f"/trash/{fleet.pk}/delete")
    assert not Fleet.everything.exists()


def test_over_rest(people: People, run: Run) -> None:
    _, token = issue_token(people["editor"], people.team, "writes", scopes=["read", "write"])
    _, reads = issue_token(people["viewer"], people.team, "reads", scopes=["read", "write"])
    api, experiment = Api(token=token), run.cell.experiment
    fleet = library.create("fleets", people.team, people["editor"], "Boards", FLEET)
    assert api("DELETE", f"/fleets/{fleet.pk}").status_code == 204
    assert api("DELETE", f"/experiments/{experiment.pk}").status_code == 204
    first = api("GET", "/trash?limit=1").json()
    second = api("GET", f"/trash?limit=1&cursor={first['next']}").json()
    found = [first["items"][0], second["items"][0]]

    assert [(item["family"], item["id"], item["trashed_by"]) for item in found] == [
        ("experiments", str(experiment.pk), "editor@example.org"),
        ("fleets", str(fleet.pk), "editor@example.org"),
    ]
    assert second["next"] is None
    assert Api(token=reads)("POST", f"/trash/{fleet.pk}/restore").status_code == 403
    assert api("POST", f"/trash/{fleet.pk}/restore").json()["id"] == str(fleet.pk)
    assert api("GET", f"/fleets/{fleet.pk}").status_code == 200
    assert api("DELETE", f"/trash/{experiment.pk}").status_code == 204
    assert api("GET", "/trash").json()["items"] == []
    assert api("DELETE", f"/trash/{experiment.pk}").status_code == 404


def test_entries_say_when_they_go(people: People, run: Run, settings: Any) -> None:
    settings.TRASH_DAYS = 3.0
    services.delete(run.cell.experiment, people["editor"])
    (entry,) = items.entries(lambda rows: rows, limit=5)
    assert entry.purged_after - entry.trashed_at == timedelta(days=3)
    assert items.days_left(entry) == 2
