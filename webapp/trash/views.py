"""The page of the trash: what lies in it, back with it, or away for good."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.experiments.states import Conflict
from webapp.teams.access import at_least
from webapp.teams.models import Role
from webapp.teams.pages import member, team_of, user_of
from webapp.trash import items

SHOWN = 200


@member()
@require_GET
def trash(request: HttpRequest) -> HttpResponse:
    """What the team deleted lately, newest first."""
    team, user = team_of(request), user_of(request)
    found = items.entries(lambda rows: rows.visible_to(user).of(team), limit=SHOWN + 1)
    context = {
        "entries": [(entry, items.days_left(entry)) for entry in found[:SHOWN]],
        "has_more": len(found) > SHOWN,
        "days": settings.TRASH_DAYS,
        "may_edit": at_least(user, team, Role.EDITOR),
    }
    return render(request, "trash/trash.html", context)


@member(Role.EDITOR)
@require_POST
def trash_restore(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Back to where it was."""
    entry = _entry(request, pk)
    items.restore(entry, user_of(request))
    messages.success(request, f"{entry.item.name} is back.")
    return redirect(f"{entry.noun}-detail", pk=pk)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def trash_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Away for good, after a question."""
    entry = _entry(request, pk)
    if request.method == "GET":
        return render(request, "trash/trash_confirm_delete.html", {"entry": entry})
    name = entry.item.name
    try:
        items.purge(entry, user_of(request))
    except Conflict as error:
        return render(request, "trash/trash_confirm_delete.html", {"entry": entry, "refusal": error}, status=409)
    messages.success(request, f"{name} is deleted for good.")
    return redirect("trash")


def _entry(request: HttpRequest, pk: UUID) -> items.Entry:
    team, user = team_of(request), user_of(request)
    entry = items.find(lambda rows: rows.visible_to(user).of(team), pk)
    if entry is None:
        raise Http404
    return entry
