"""The page that says how far off the simulator is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from engine.emulation.tables import NOT_COVERED
from webapp.simulator.chart import LEGEND
from webapp.simulator.validations import validations
from webapp.teams.pages import member


@member()
@require_GET
def simulator(request: HttpRequest) -> HttpResponse:
    """The committed validation, and that of this host if there is one."""
    found, problem = validations()
    context = {"validations": found, "problem": problem, "not_covered": NOT_COVERED, "legend": LEGEND}
    return render(request, "simulator/simulator.html", context)
