"""Every page and socket, opened by everybody: who may, who may not, and what a shared link opens and does not open."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from tests.webapp.access_table import PAGES, SOCKETS, Row
from tests.webapp.datasets.conftest import images
from tests.webapp.finished import round_frames, tell
from tests.webapp.pages.conftest import BODIES
from tests.webapp.people import People
from tests.webapp.rows import make_run
from tests.webapp.trained.weights import DATASET, MODEL, bare, hash_of
from webapp.datasets import services as datasets
from webapp.experiments import sockets as member_sockets
from webapp.experiments.consumers import LiveStream, RunStream
from webapp.experiments.files import keep
from webapp.experiments.models import Artifact, Run, RunState
from webapp.library import services as library
from webapp.notes.models import Note
from webapp.previews.parts import read_part
from webapp.previews.services import look
from webapp.previews.wanted import samples_of
from webapp.sharing import sockets as guest_sockets
from webapp.sharing.consumers import SharedStream
from webapp.sharing.models import Share
from webapp.sharing.services import revoke, share
from webapp.teams.invitations import invite
from webapp.teams.models import Membership, Role, User
from webapp.teams.tokens import issue_token
from webapp.trained import uploading

PEOPLE = ["anonymous", "share holder", "stranger", "viewer", "runner", "editor", "owner"]


@pytest.fixture
def things(people: People, tmp_path: Path) -> dict[str, str]:
    """Something of the team for every placeholder."""
    run = make_run(people.team, RunState.RUNNING)
    picture = {"seq": 5, "kind": "image", "sim_time_s": None, "body": {"png": "iVBORw0KGgo=", "labels": [0]}}
    tell(run, [*round_frames(1, 1, [0, 3]), picture])
    sha256 = keep(b"weights")
    artifact = Artifact.objects.create(
        team=people.team, run=run, sha256=sha256, name="w.bin", media_type="x/y", size_bytes=7, path=sha256
    )
    designs = {
        library.DESIGNS[family].part: library.create(family, people.team, people["editor"], f"My {family}", body)
        for family, body in BODIES.items()
    }
    trashed = library.create("fleets", people.team, people["editor"], "Trashed", BODIES["fleets"])
    library.remove(trashed, people["editor"])
    member = Membership.objects.create(
        team=people.team, user=User.objects.create_user("spare@example.org"), role=Role.VIEWER
    )
    tomorrow = timezone.now() + timedelta(days=1)
    invitation, invited = invite(people.team, people["owner"], Role.VIEWER, expires_at=tomorrow)
    shared, secret = share(run.cell.experiment, people["editor"], "artifacts")
    token, _ = issue_token(people["viewer"], people.team, "spare")
    note = Note.objects.create(team=people.team, run=run, text="Look here", author=people["runner"])
    upload, preview = _data_set(people, tmp_path)
    model = _model(people)
    return {
        "upload": upload,
        "model": model,
        "preview": preview,
        "picture": "0",
        "dataset-kind": "digits",
        "run": str(run.pk),
        "experiment": str(run.cell.experiment.pk),
        "artifact": str(artifact.pk),
        **{part: str(design.pk) for part, design in designs.items()},
        "trashed": str(trashed.pk),
        "number": "1",
        "image-seq": "5",
        "member": str(member.pk),
        "invitation": str(invitation.pk),
        "invitation-secret": invited,
        "share": str(shared.pk),
        "secret": secret,
        "token": str(token.pk),
        "note": str(note.pk),
        "team": str(people.team.pk),
        "family": "strategies",
        "kind": "fedavg",
    }


def _data_set(people: People, folder: Path) -> tuple[str, str]:
    """An uploaded data set, and the preview of its samples."""
    data = images(folder)
    wish = datasets.Announcement("Cats", "image_folder", hashlib.sha256(data).hexdigest(), len(data))
    upload = datasets.announce(people.team, people["editor"], wish)
    datasets.put_part(upload, people["editor"], 0, data)
    upload = datasets.complete(upload, people["editor"])
    return str(upload.pk), look(samples_of(read_part("dataset", upload.spec))).digest


def _model(people: People) -> str:
    """Uploaded weights."""
    data = bare()
    wish = uploading.Wish("Mine", hash_of(data), len(data), MODEL, DATASET)
    row = uploading.announce(people.team, people["editor"], wish)
    uploading.put_part(row, people["editor"], 0, data)
    return str(uploading.complete(row, people["editor"]).pk)


@pytest.fixture
def client_of(people: People, things: dict[str, str]) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client()
        if name == "share holder":
            client.get(reverse("shared-experiment", args=[things["secret"]]))
        elif name != "anonymous":
            client.force_login(people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


def all_patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for one in resolver.url_patterns:
        if isinstance(one, URLPattern):
            yield one
        elif one.namespace != "api":
            yield from all_patterns(one)


def own_patterns() -> dict[str, URLPattern]:
    found = {one.name: one for one in all_patterns(get_resolver()) if one.name}
    return {name: one for name, one in found.items() if not name.startswith("account_")}


def address_of(name: str, row: Row, things: dict[str, str]) -> str:
    pattern = own_patterns()[name].pattern
    wanted = pattern.converters  # type: ignore[attr-defined]  # of every kind of pattern that we use
    found = {key: things[row.names.get(key, key)] if key != "token" else "nothing" for key in wanted}
    return reverse(name, kwargs=found)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside has not happened afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def status_of(client: Client, name: str, row: Row, things: dict[str, str]) -> Any:
    data = {key: things.get(value, value) for key, value in row.data.items()}
    call = client.get if row.method == "GET" else client.post
    with undone():
        answer: Any = call(address_of(name, row, things), data)
        if answer.streaming:
            list(answer.streaming_content)
    return SimpleNamespace(status=answer.status_code, to=answer.get("Location", ""))


def test_every_page_has_a_row_and_every_row_a_page() -> None:
    assert set(own_patterns()) == set(PAGES)


def test_every_socket_has_a_row_and_every_row_a_socket() -> None:
    routed = [*member_sockets.websocket_urlpatterns, *guest_sockets.websocket_urlpatterns]
    assert {str(pattern.pattern) for pattern in routed} == set(SOCKETS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "row"), PAGES.items(), ids=list(PAGES))
def test_pages_open_to_those_who_may(
    name: str, row: Row, things: dict[str, str], client_of: Callable[[str], Client]
) -> None:
    has_object = any(key == "pk" for key in row.names) or row.data.get("team")
    for who in PEOPLE:
        found = status_of(client_of(who), name, row, things)
        to_sign_in = found.status == 302 and found.to.startswith("/accounts/login/")
        if row.level in {"public", "share"}:
            assert found.status in {200, 400, 503}, (who, found)
        elif who in {"anonymous", "share holder"}:
            assert to_sign_in, (who, found)
        elif who == "stranger":
            assert not to_sign_in, (who, found)
            assert found.status == 404 if has_object else found.status in {200, 302, 404}, (who, found)
        elif row.level != "signed_in" and Role.values.index(who) < Role.values.index(row.level):
            assert found.status == 403, (who, found)
        elif row.only and who != row.only:
            assert found.status == 404, (who, found)
        else:
            assert found.status in {200, 302}, (who, found)
            assert not to_sign_in, (who, found)


def test_a_shared_link_opens_nothing_of_another_experiment(people: People, things: dict[str, str]) -> None:
    other = make_run(people.team, RunState.DONE)
    artifact = Artifact.objects.create(
        team=people.team, run=other, sha256="0" * 64, name="w.bin", media_type="x/y", size_bytes=7, path="0" * 64
    )
    base = f"/shared/{things['secret']}"
    for path in (f"/runs/{other.pk}/", f"/runs/{other.pk}/events", f"/artifacts/{artifact.pk}"):
        assert Client().get(base + path).status_code == 404, path
    assert Client().get(f"{base}/runs/{things['run']}/").status_code == 200


def test_the_secret_is_no_credential_anywhere_else(things: dict[str, str]) -> None:
    secret = things["secret"]
    for headers in ({"Authorization": f"Bearer {secret}"}, {"Cookie": f"sessionid={secret}"}):
        for path in ("/api/v1/experiments", f"/api/v1/experiments/{things['experiment']}", "/api/v1/shares"):
            assert Client().get(path, headers=headers).status_code == 401, path
    for place in (f"/join/{secret}/", f"/sign-in/{secret}/"):
        assert Client().post(place).status_code in {404, 410}, place


def find(stream: LiveStream, run: str, **scope: Any) -> Run | int:
    """What a socket finds, asked as it asks at its start and at every tick."""
    stream.scope = {"headers": [(b"origin", b"http://testserver"), (b"host", b"testserver")], **scope}
    stream.run_id = UUID(run)
    assert stream.is_trusted([])
    return stream.find()


@pytest.mark.parametrize("who", PEOPLE)
def test_sockets_of_runs_open_to_members(
    who: str, people: People, things: dict[str, str], client_of: Callable[[str], Client]
) -> None:
    session = client_of(who).session if who in people.users else None
    found = find(RunStream(), things["run"], session=session)
    if who in {"anonymous", "share holder"}:
        assert found == 4401
    elif who == "stranger":
        assert found == 4404
    else:
        assert str(found.pk) == things["run"]


def test_sockets_of_shared_links_open_by_the_secret_as_far_as_it_goes(people: People, things: dict[str, str]) -> None:
    other = make_run(people.team, RunState.DONE)
    _, summary = share(other.cell.experiment, people["editor"], "summary")

    def by(secret: str, run: str) -> Run | int:
        return find(SharedStream(), run, url_route={"kwargs": {"secret": secret}})

    assert str(by(things["secret"], things["run"]).pk) == things["run"]
    assert by(things["secret"], str(other.pk)) == 4404
    assert by(summary, str(other.pk)) == 4404
    assert by("nothing", things["run"]) == 4404
    revoke(Share.objects.get(pk=things["share"]), people["owner"])
    assert by(things["secret"], things["run"]) == 4404
