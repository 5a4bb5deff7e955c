"""Fragments and pictures of previews, and the panels of a task that is being written."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from engine.core.errors import SpecError
from webapp.library.families import FAMILIES
from webapp.library.services import body_for
from webapp.previews import cache, services
from webapp.previews.kinds import panels_of
from webapp.previews.wanted import Wanted
from webapp.specforms.form import SpecForm
from webapp.specforms.root import Root
from webapp.teams.models import Team
from webapp.teams.pages import member, team_of


@member()
@require_GET
def preview_fragment(request: HttpRequest, digest: str) -> HttpResponse:
    """A preview that the page asks for again while it waits."""
    _permitted(request, digest)
    found = services.again(digest)
    if found is None:
        raise Http404
    return render(request, "previews/_fragment.html", {"preview": found})


@member()
@require_GET
def preview_picture(request: HttpRequest, digest: str, number: int) -> HttpResponseBase:
    """A picture of a preview; the address names its content, so browsers may keep it."""
    _permitted(request, digest)
    path = cache.picture(digest, number)
    if not path.is_file():
        raise Http404
    headers = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path.open("rb"), content_type="image/png", headers=headers)


@member()
@require_POST
def task_preview(request: HttpRequest) -> HttpResponse:
    """The panels of the task in a form as it stands."""
    team = team_of(request)
    context: dict[str, object]
    try:
        task = _task(request, team)
    except SpecError as error:
        context = {"problems": error.problems, "num_devices": request.POST.get("_devices", "")}
    else:
        context = panels_of(team, task, request.POST.get("_devices", ""), request.POST.get("_seed", ""))
    return render(request, str(context.get("panels_template", "previews/_panels.html")), context)


def _task(request: HttpRequest, team: Team) -> dict[str, object]:
    """The block that the form says, a saved task below its changes.

    Raises:
        SpecError: the YAML twin is broken.
    """
    post = request.POST
    saved = post.get("task@saved", "")
    if saved and "_yaml" not in post:
        try:
            return body_for(team, "tasks", saved)
        except KeyError:
            return {}
    tree = SpecForm.of_post((Root(FAMILIES["tasks"].root.field),), post).tree().get("task", {})
    if not isinstance(tree, dict):
        return {}
    if isinstance(tree.get("saved"), str):
        try:
            return {**body_for(team, "tasks", tree["saved"]), **tree}
        except KeyError:
            return tree
    return tree


def _permitted(request: HttpRequest, digest: str) -> None:
    """Go on only if the preview was asked for by anybody and shows no other team's upload.

    Raises:
        Http404: not so.
    """
    found = cache.read(digest, cache.REQUEST) if cache.is_digest(digest) else None
    if found is None or not services.may_see(Wanted.of_json(found[0]), services.uploads_of(team_of(request))):
        raise Http404
