"""Probes for machines, and the System page for people."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from webapp.system.health import findings


def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the web server lives; asks nothing else, so a slow database is no reason to start it again."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """Whether requests and runs can be served: 200, or 503 with what is missing."""
    found = findings()
    checks = {finding.name: finding.problem or "ok" for finding in found}
    good = all(finding.is_good for finding in found)
    return JsonResponse({"status": "ready" if good else "not ready", "checks": checks}, status=200 if good else 503)
