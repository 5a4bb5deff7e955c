"""Writing, changing and deleting notes; they are shown on their run's page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from engine.core.errors import SpecError
from webapp.experiments.models import Run
from webapp.notes import services
from webapp.notes.models import Note
from webapp.teams.models import Role
from webapp.teams.pages import member, user_of


@member(Role.RUNNER)
@require_POST
def note_create(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A new note on a run."""
    run = get_object_or_404(Run.objects.visible_to(user_of(request)).select_related("team"), pk=pk)
    text = request.POST.get("text", "")
    try:
        note = services.add(run, user_of(request), text)
    except SpecError as error:
        return _form(request, run, text, error)
    return _to(note)


@member()
@require_http_methods(["GET", "POST"])
def note_update(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change one's own note."""
    note = _note(request, pk)
    if request.method == "GET":
        return _form(request, note.run, note.text, note=note)
    text = request.POST.get("text", "")
    try:
        services.edit(note, user_of(request), text)
    except SpecError as error:
        return _form(request, note.run, text, error, note=note)
    return _to(note)


@member()
@require_http_methods(["GET", "POST"])
def note_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Delete a note, after a question."""
    note = _note(request, pk)
    if request.method == "GET":
        return render(request, "notes/note_confirm_delete.html", {"note": note})
    services.remove(note, user_of(request))
    messages.success(request, "The note is deleted.")
    return HttpResponseRedirect(reverse("run-detail", args=[note.run_id]) + "#notes")


def _form(
    request: HttpRequest, run: Run, text: str, error: SpecError | None = None, *, note: Note | None = None
) -> HttpResponse:
    problems = [problem.message for problem in error.problems] if error else []
    context = {"run": run, "note": note, "text": text, "problems": problems}
    return render(request, "notes/note_form.html", context, status=422 if problems else 200)


def _to(note: Note) -> HttpResponse:
    return HttpResponseRedirect(reverse("run-detail", args=[note.run_id]) + f"#note-{note.pk}")


def _note(request: HttpRequest, pk: UUID) -> Note:
    found = Note.objects.visible_to(user_of(request)).select_related("team", "run__cell__experiment", "author")
    return get_object_or_404(found, pk=pk)
