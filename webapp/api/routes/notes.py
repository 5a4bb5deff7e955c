"""Notes that members write on runs."""

from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from webapp.api.answers import answer, nothing
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, merged, takes_model
from webapp.api.filters import FieldsQuery
from webapp.api.gate import Request, find
from webapp.api.idempotency import idempotent
from webapp.api.pages import PageQuery, page
from webapp.api.shapes import Listing
from webapp.api.teamwork import NOTE, Note, NoteBody
from webapp.experiments.models import Run
from webapp.notes import models, services

router = Router(tags=["notes"])


@router.get(
    "/runs/{uuid:run_id}/notes", response=Listing[Note], summary="List a run's notes", operation_id="list_notes"
)
def list_notes(request: Request, run_id: UUID, query: Query[PageQuery]) -> HttpResponse:
    """Newest first."""
    run = find(request, Run.objects.all(), "run", pk=run_id)
    return page(request, request.auth.visible(models.Note.objects.filter(run=run)), query, NOTE)


@router.post(
    "/runs/{uuid:run_id}/notes",
    response={201: Note},
    summary="Write a note on a run",
    operation_id="create_note",
    openapi_extra=merged(takes_model(NoteBody), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent()
def create_note(request: Request, run_id: UUID) -> HttpResponse:
    """Everybody in the team reads it; shared links do not show it."""
    run = find(request, Run.objects.all(), "run", pk=run_id)
    note = services.add(run, request.auth.user, envelope(request, NoteBody).text)
    return answer(NOTE.of(note), status=201, headers={"Location": f"/api/v1/notes/{note.pk}"})


@router.get("/notes/{uuid:note_id}", response=Note, summary="Get a note", operation_id="get_note")
def get_note(request: Request, note_id: UUID, query: Query[FieldsQuery]) -> HttpResponse:
    """With its author and times."""
    return answer(NOTE.of(_find(request, note_id), query.fields))


@router.put(
    "/notes/{uuid:note_id}",
    response=Note,
    summary="Change a note",
    operation_id="replace_note",
    openapi_extra=takes_model(NoteBody),
)
def replace_note(request: Request, note_id: UUID) -> HttpResponse:
    """Only who wrote it can."""
    note = services.edit(_find(request, note_id), request.auth.user, envelope(request, NoteBody).text)
    return answer(NOTE.of(note))


@router.delete("/notes/{uuid:note_id}", response={204: None}, summary="Delete a note", operation_id="delete_note")
def delete_note(request: Request, note_id: UUID) -> HttpResponse:
    """Who wrote it can, and owners of the team."""
    services.remove(_find(request, note_id), request.auth.user)
    return nothing()


def _find(request: Request, note_id: UUID) -> models.Note:
    return find(request, models.Note.objects.all(), "note", pk=note_id)
