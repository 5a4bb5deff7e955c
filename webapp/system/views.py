"""Probes for machines, and the System page for people."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from webapp.experiments.accuracy import NEWEST, accuracy
from webapp.system.health import findings
from webapp.system.status import status
from webapp.teams.pages import member, user_of


def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the web server lives; asks nothing else, so a slow database is no reason to start it again."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """Whether requests and runs can be served: 200, or 503 with what is missing."""
    found = findings()
    checks = {finding.name: finding.problem or "ok" for finding in found}
    good = all(finding.is_good for finding in found)
    return JsonResponse({"status": "ready" if good else "not ready", "checks": checks}, status=200 if good else 503)


@member()
@require_GET
def system(request: HttpRequest) -> HttpResponse:
    """What the platform runs on, whether all of it works, and what it is doing; ``part=status`` is asked for again."""
    user = user_of(request)
    context = {"findings": findings(), "status": status(lambda runs: runs.visible_to(user))}
    if request.GET.get("part") == "status":
        return render(request, "system/_status.html", context)
    return render(request, "system/system.html", {**context, "accuracy": accuracy(), "newest": NEWEST})
