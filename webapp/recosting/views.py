"""Pages about the cost of a run."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from webapp.experiments.models import Run
from webapp.recosting.panel import panel_of
from webapp.teams.pages import member, user_of


@member()
@require_GET
def run_what_if(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The card "What if?" of a run, asked for again when the run's state changes."""
    context = panel_of(_run(request, pk), user_of(request), request.build_absolute_uri)
    return render(request, "recosting/_what_if.html", context)


def _run(request: HttpRequest, pk: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(user_of(request)).select_related("team", "cell__experiment"), pk=pk)
