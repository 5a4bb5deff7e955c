"""Pages of runs: list, result, and the buttons that steer them."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models.fields.json import KT
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from webapp.datafree.board import sheet_png
from webapp.experiments import accuracy, boards, panels, services
from webapp.experiments.files import path_of
from webapp.experiments.models import Artifact, Run, RunState
from webapp.teams.access import at_least
from webapp.teams.models import Role, User
from webapp.teams.pages import keyset_page, member, team_of, user_of
from webapp.texts import tree_of

LISTED = (
    "seed", "state", "created_at", "progress_done", "progress_total", "sim_time_s", "last_seq", "cell__label",
    "cell__index", "cell__experiment__name",
)  # fmt: skip
"""What the list shows of a run; everything else of it is long."""


@member()
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """The team's runs, newest first; ``q`` looks into names of experiments and labels, ``state`` picks one state."""
    team, user = team_of(request), user_of(request)
    query, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    found = Run.objects.visible_to(user).of(team).select_related("cell__experiment")
    if query:
        found = found.filter(cell__experiment__name__icontains=query)
    if state in RunState.values:
        found = found.filter(state=state)
    listed = found.annotate(accuracy=KT("result__metrics__accuracy")).only(*LISTED)
    page = keyset_page(listed, request.GET.get("after", ""))
    paths = boards.sparks(page.rows)
    context = {
        "page": page,
        "entries": [
            (run, paths.get(run.pk, ""), None if (value := getattr(run, "accuracy", None)) is None else float(value))
            for run in page.rows
        ],
        "query": query,
        "state": state,
        "states": RunState.choices,
        "keep": urlencode({name: value for name, value in (("q", query), ("state", state)) if value}),
    }
    return render(request, "experiments/run_list.html", context)


@member()
@require_GET
def run_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A run, live while it works and permanent afterwards."""
    run = _run(request, pk)
    if request.GET.get("part") == "head":
        return render(request, "experiments/_run_head.html", _head(request, run))
    if request.GET.get("part") == "results":
        return render(request, *panels.results(run))
    return render(request, "experiments/run_detail.html", _head(request, run) | _body(request, run))


@member()
@require_GET
def run_image(request: HttpRequest, pk: UUID, seq: int) -> HttpResponse:
    """A picture that the run told; its address names an event that never changes, so browsers may keep it."""
    return picture(_run(request, pk), seq)


def picture(run: Run, seq: int) -> HttpResponse:
    """The picture of an event.

    Raises:
        Http404: that event is no picture.
    """
    png = sheet_png(run, seq)
    if png is None:
        raise Http404
    headers = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(base64.b64decode(png), content_type="image/png", headers=headers)


@member(Role.RUNNER)
@require_POST
def run_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop the run for good; what it has so far stays."""
    return _steer(request, pk, services.cancel, "The run stops at the end of its block.")


@member(Role.RUNNER)
@require_POST
def run_pause(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop the run so that it can go on later."""
    return _steer(request, pk, services.pause, "The run pauses at the end of its block.")


@member(Role.RUNNER)
@require_POST
def run_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Go on from the last checkpoint."""
    return _steer(request, pk, services.resume, "The run goes on from its last checkpoint.")


@member()
@require_GET
def artifact_download(request: HttpRequest, pk: UUID) -> FileResponse:
    """A file that a run made, always as a download: what a run wrote is never shown inside our own origin."""
    artifact = get_object_or_404(Artifact.objects.visible_to(user_of(request)), pk=pk)
    return FileResponse(path_of(artifact).open("rb"), as_attachment=True, filename=artifact.name.rsplit("/", 1)[-1])


def _head(request: HttpRequest, run: Run) -> dict[str, Any]:
    return {
        **panels.run_head(run),
        "may_run": at_least(user_of(request), run.team, Role.RUNNER),
        "can": {
            "pause": run.state in (RunState.QUEUED, RunState.RUNNING),
            "cancel": run.state in (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED),
            "resume": run.state in (RunState.PAUSED, RunState.FAILED, RunState.CANCELLED),
        },
        "transitions": run.transitions.order_by("-id")[:20],
    }


def _body(request: HttpRequest, run: Run) -> dict[str, Any]:
    body = panels.run_body(run, request.GET)
    body["sheet_place"] = body["page_data"]["sheet_place"] = reverse("run-image", args=[run.pk, 0]).removesuffix("0")
    return {
        **body,
        "api_path": f"runs/{run.pk}",
        "compared": accuracy.of_run(run),
        "seeds": tree_of(run.cell.experiment.text).get("seeds", []),
        "artifacts": run.artifacts.order_by("name"),
        "siblings": Run.objects.visible_to(user_of(request)).filter(cell=run.cell).order_by("seed"),
    }


def _steer(request: HttpRequest, pk: UUID, act: Callable[[Run, User], None], said: str) -> HttpResponse:
    run = _run(request, pk)
    try:
        act(run, user_of(request))
        messages.success(request, said)
    except services.Conflict as error:
        messages.error(request, f"{str(error).capitalize()}. {error.remedy}".strip())
    return redirect("run-detail", pk=pk)


def _run(request: HttpRequest, pk: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(user_of(request)).select_related("team", "cell__experiment"), pk=pk)
