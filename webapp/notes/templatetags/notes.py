"""The notes of a run: ``{% run_notes run %}``."""

from typing import Any

from django import template
from django.template import Context

from webapp.experiments.models import Run
from webapp.notes import services
from webapp.notes.models import Note
from webapp.teams.access import at_least
from webapp.teams.models import Role
from webapp.teams.pages import user_of

register = template.Library()


@register.inclusion_tag("notes/_notes.html", takes_context=True)
def run_notes(context: Context, run: Run) -> dict[str, Any]:
    """The notes that the viewer may see, each with what the viewer may do with it, and a form for another."""
    request = context["request"]
    user = user_of(request)
    may_write, is_owner = at_least(user, run.team, Role.RUNNER), at_least(user, run.team, Role.OWNER)
    notes = Note.objects.visible_to(user).filter(run=run).select_related("author")
    rows = [(note, mine := may_write and note.author_id == user.pk, mine or is_owner) for note in notes]
    return {
        "run": run,
        "rows": rows,
        "may_write": may_write,
        "most": services.MAX_LENGTH,
        "csrf_token": context.get("csrf_token"),
    }
