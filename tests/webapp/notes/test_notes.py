"""Notes on runs: who writes, who changes, who deletes, and how they look."""

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from engine.core.errors import SpecError
from tests.webapp.people import People
from tests.webapp.rows import make_run
from webapp.experiments.models import Run, RunState
from webapp.notes import services
from webapp.notes.models import Note


@pytest.fixture
def run(people: People) -> Run:
    return make_run(people.team, RunState.DONE)


def signed_in(people: People, name: str) -> Client:
    client = Client()
    client.force_login(people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_who_may_write_change_and_delete(people: People, run: Run) -> None:
    note = services.add(run, people["runner"], "  Look at round 3.\r\nOdd.  ")
    assert (note.text, note.author, note.edited_at) == ("Look at round 3.\nOdd.", people["runner"], None)
    for name in ("viewer", "stranger"):
        with pytest.raises(PermissionDenied):
            services.add(run, people[name], "No")
    for name in ("viewer", "editor", "owner", "stranger"):
        with pytest.raises(PermissionDenied):
            services.edit(note, people[name], "Mine")
    for name in ("viewer", "editor", "stranger"):
        with pytest.raises(PermissionDenied):
            services.remove(note, people[name])
    assert services.edit(note, people["runner"], "Changed").edited_at is not None
    services.remove(note, people["owner"])
    assert not Note.objects.exists()


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 10_001, "a\0b"])
def test_texts_that_cannot_be_kept_are_refused(people: People, run: Run, text: str) -> None:
    with pytest.raises(SpecError):
        services.add(run, people["runner"], text)


def test_a_note_is_plain_text_on_the_page_of_its_run(people: People, run: Run) -> None:
    client = signed_in(people, "runner")
    text = "<b>bold?</b> {{ no }}"
    answer = client.post(f"/runs/{run.pk}/notes", {"text": text})
    note = Note.objects.get()
    assert answer["Location"] == f"/runs/{run.pk}/#note-{note.pk}"
    html = signed_in(people, "viewer").get(f"/runs/{run.pk}/").content.decode()
    assert "&lt;b&gt;bold?&lt;/b&gt; {{ no }}" in html
    assert f"/notes/{note.pk}/edit" not in html
    assert "New note" not in html
    assert f"/notes/{note.pk}/edit" in client.get(f"/runs/{run.pk}/").content.decode()


def test_the_pages_keep_what_was_typed_and_ask_before_they_delete(people: People, run: Run) -> None:
    client = signed_in(people, "runner")
    answer = client.post(f"/runs/{run.pk}/notes", {"text": "y" * 10_001})
    assert answer.status_code == 422
    assert "y" * 10_001 in answer.content.decode()
    note = services.add(run, people["runner"], "First")
    assert "First" in client.get(f"/notes/{note.pk}/edit").content.decode()
    client.post(f"/notes/{note.pk}/edit", {"text": "Second"})
    note.refresh_from_db()
    assert note.text == "Second"
    assert signed_in(people, "editor").post(f"/notes/{note.pk}/edit", {"text": "Mine"}).status_code == 403
    assert signed_in(people, "stranger").get(f"/notes/{note.pk}/delete").status_code == 404
    assert "Keep it" in client.get(f"/notes/{note.pk}/delete").content.decode()
    assert Note.objects.exists()
    client.post(f"/notes/{note.pk}/delete")
    assert not Note.objects.exists()
