"""Pages that open by the link alone: the experiment, and as far as the link goes its runs and their files."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, cast
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from webapp.experiments import panels, services
from webapp.experiments.files import path_of
from webapp.experiments.models import Run, RunState
from webapp.experiments.run_views import picture
from webapp.sharing import guests
from webapp.sharing.models import Scope, Share
from webapp.sharing.services import count_view, find_share
from webapp.topologies.rounds import round_of

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, Share, P], HttpResponseBase]
Opened = Callable[Concatenate[HttpRequest, str, P], HttpResponseBase]

MOST_EVENTS = 500


def by_link(page: Page[P]) -> Opened[P]:
    """A page for whoever has the secret of an open link: read-only, whether signed in or not."""

    @functools.wraps(page)
    def checked(request: HttpRequest, secret: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        shared = find_share(secret)
        if shared is None:
            response: HttpResponseBase = render(request, "sharing/ended.html", {"is_unknown": True}, status=404)
        elif not shared.is_open:
            response = render(request, "sharing/ended.html", {"shared": shared}, status=410)
        else:
            response = page(request, shared, *args, **kwargs)
        # The address is the key: no cache keeps the page, no other site learns the address, no search engine lists it.
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    # The library types its wrapper as a callable object; it is the same function to whoever calls it.
    return cast(Opened[P], require_safe(checked))


@by_link
def shared_experiment(request: HttpRequest, shared: Share) -> HttpResponse:
    """The experiment; ``part=summary`` is what the page asks for again while runs are at work."""
    secret = _secret(request)
    context = {**panels.matrix(shared.experiment), **_frame(shared, secret)}
    if request.GET.get("part") == "summary":
        return render(request, "sharing/_progress_parts.html", context)
    if request.method == "GET":
        count_view(shared)
    found = panels.curves(shared.experiment, request.GET)
    found["page_data"] = {
        **_series(shared),
        "series_place": reverse("shared-series", args=[secret]),
        "places": {str(run): _places(secret, run) for run in _working(context)} if shared.shows(Scope.RUNS) else {},
    }
    return render(request, "sharing/shared_experiment.html", {**context, **found})


@by_link
def shared_series(request: HttpRequest, shared: Share) -> HttpResponse:
    """The series of all runs, as the page draws them."""
    return JsonResponse(_series(shared))


@by_link
def shared_run(request: HttpRequest, shared: Share, pk: UUID) -> HttpResponse:
    """A run; ``part=head`` is what the page asks for again when its state changes."""
    run, secret = _run(shared, pk), _secret(request)
    context = {**panels.run_head(run), **_frame(shared, secret)}
    if request.GET.get("part") == "head":
        return render(request, "sharing/_run_head.html", context)
    if request.GET.get("part") == "results":
        return render(request, *panels.results(run))
    body = panels.run_body(run, request.GET)
    body["page_data"]["places"] = _places(secret, run.pk)
    sheets = reverse("shared-image", args=[secret, run.pk, 0]).removesuffix("0")
    body["sheet_place"] = body["page_data"]["sheet_place"] = sheets
    files = run.artifacts.order_by("name") if shared.shows(Scope.ARTIFACTS) else None
    return render(request, "sharing/shared_run.html", {**context, **body, "artifacts": files})


@by_link
def shared_events(request: HttpRequest, shared: Share, pk: UUID) -> HttpResponse:
    """Events of a run after ``after``, for pages whose socket does not get through."""
    run = _run(shared, pk)
    after = request.GET.get("after", "0")
    if not (after.isdecimal() and len(after) < 12):
        return JsonResponse({"problem": f"after is the number of an event; given: {after!r}"}, status=400)
    items = services.events_after(run, int(after), MOST_EVENTS)
    return JsonResponse({"items": items, "last_seq": run.last_seq, "state": run.state})


@by_link
def shared_round(request: HttpRequest, shared: Share, pk: UUID, number: int) -> HttpResponse:
    """Who took part in a round, who was away, and what crossed each connection."""
    found = round_of(_run(shared, pk), number)
    return JsonResponse({"problem": "there is no such round yet"}, status=404) if found is None else JsonResponse(found)


@by_link
def shared_image(request: HttpRequest, shared: Share, pk: UUID, seq: int) -> HttpResponse:
    """A picture that the run told."""
    return picture(_run(shared, pk), seq)


@by_link
def shared_artifact(request: HttpRequest, shared: Share, pk: UUID) -> FileResponse:
    """A file that a run made, always as a download."""
    artifact = guests.artifact_of(shared, pk)
    if artifact is None:
        raise Http404
    return FileResponse(path_of(artifact).open("rb"), as_attachment=True, filename=artifact.name.rsplit("/", 1)[-1])


def _secret(request: HttpRequest) -> str:
    match = request.resolver_match
    assert match is not None
    return str(match.kwargs["secret"])


def _frame(shared: Share, secret: str) -> dict[str, Any]:
    return {
        "shared": shared,
        "secret": secret,
        "shows_runs": shared.shows(Scope.RUNS),
        "shows_files": shared.shows(Scope.ARTIFACTS),
    }


def _series(shared: Share) -> dict[str, Any]:
    found = panels.series(shared.experiment)
    if not shared.shows(Scope.RUNS):
        # The curves need one series a seed; which run it comes from is not part of a summary.
        for row, cell in enumerate(found["cells"]):
            for place, run in enumerate(cell["runs"]):
                run["id"] = f"{row}-{place}"
    return found


def _places(secret: str, run: UUID) -> dict[str, str]:
    return {"socket": f"/ws/shared/{secret}/runs/{run}/", "events": reverse("shared-events", args=[secret, run])}


def _working(context: dict[str, Any]) -> list[UUID]:
    active = (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED)
    return [run.pk for row in context["rows"] for run in row.runs if run is not None and run.state in active]


def _run(shared: Share, pk: UUID) -> Run:
    run = guests.run_of(shared, pk)
    if run is None:
        raise Http404
    return run
