"""The panel of plans in the designer."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from webapp.experiments import designer
from webapp.inference.planner_panel import panel
from webapp.inference.planner_winners import winners
from webapp.teams.models import Role
from webapp.teams.pages import member, team_of


@member(Role.RUNNER)
@require_POST
def experiment_plan(request: HttpRequest) -> HttpResponse:
    """The plans of the design in the form, with what was chosen by hand; nothing for other kinds of tasks."""
    team = team_of(request)
    shown = panel(designer.of_post(team, request.POST), team, request.POST)
    here = getattr(request, "htmx", None) and request.htmx.current_url_abs_path  # type: ignore[attr-defined]
    return render(request, "inference/planner.html", {**shown, "here": here or reverse("experiment-create")})


@member(Role.RUNNER)
@require_POST
def experiment_winners(request: HttpRequest) -> HttpResponse:
    """Which plan of the design in the form is best where links or the number of devices are others."""
    team = team_of(request)
    shown = winners(designer.of_post(team, request.POST), team, request.POST)
    return render(request, "inference/planner_winners.html", shown)
