"""Management of shared links, for members."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engine.core.errors import SpecError
from webapp.experiments.models import Experiment
from webapp.sharing import services
from webapp.sharing.forms import ShareForm
from webapp.sharing.models import Share
from webapp.teams.access import at_least
from webapp.teams.models import Role
from webapp.teams.pages import keyset_page, member, team_of, user_of


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def experiment_shares(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The links to one experiment, and a form for another; a new link's address is shown once."""
    user = user_of(request)
    experiment = get_object_or_404(Experiment.objects.visible_to(user).select_related("team"), pk=pk)
    form, address = ShareForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        try:
            _, secret = services.share(
                experiment, user, sent["scope"], name=sent["name"], expires_at=_expiry(sent["days"])
            )
            address = request.build_absolute_uri(reverse("shared-experiment", args=[secret]))
            form = ShareForm()
        except SpecError as error:
            for problem in error.problems:
                form.add_error(problem.path if problem.path in form.fields else None, problem.message)
    shares = Share.objects.visible_to(user).filter(experiment=experiment).select_related("created_by", "experiment")
    context = {"experiment": experiment, "form": form, "address": address, "shares": shares, "may_edit": True}
    return render(request, "sharing/experiment_shares.html", context, status=422 if form.errors else 200)


@member()
@require_GET
def share_list(request: HttpRequest) -> HttpResponse:
    """The team's links, newest first."""
    team, user = team_of(request), user_of(request)
    found = Share.objects.visible_to(user).of(team).select_related("created_by", "experiment")
    page = keyset_page(found, request.GET.get("after", ""))
    may_edit = at_least(user, team, Role.EDITOR)
    return render(request, "sharing/share_list.html", {"page": page, "shares": page.rows, "may_edit": may_edit})


@member(Role.EDITOR)
@require_POST
def share_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End a link."""
    shared = get_object_or_404(Share.objects.visible_to(user_of(request)).select_related("team", "experiment"), pk=pk)
    services.revoke(shared, user_of(request))
    messages.success(request, f"The link to {shared.experiment.name} has ended; it shows nothing any more.")
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("share-list")


def _expiry(days: str) -> datetime | None:
    return timezone.now() + timedelta(days=int(days)) if days else None
