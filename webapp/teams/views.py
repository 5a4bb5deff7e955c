"""Ways in, the choice of the team, API tokens."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from engine.core.errors import SpecError
from webapp.teams import tokens
from webapp.teams.access import choose_team, teams_of
from webapp.teams.forms import TokenForm
from webapp.teams.models import ApiToken
from webapp.teams.pages import member, team_of, user_of

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """A one-time link. Opening it shows a button, so that a mail scanner or preview cannot use it up."""
    if request.method == "GET":
        return render(request, "teams/sign_in.html")
    user = tokens.consume_sign_in_link(token)
    if user is None:
        return render(request, "teams/sign_in.html", {"is_spent": True}, status=410)
    login(request, user, backend=BACKEND)
    return redirect("home")


@member()
@require_POST
def team_choose(request: HttpRequest) -> HttpResponse:
    """Work in another of the user's teams."""
    choose_team(request, get_object_or_404(teams_of(request.user), pk=request.POST.get("team")))
    return redirect("home")


@member()
@require_http_methods(["GET", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """The user's tokens of this team; a new one's secret is shown once, in the answer that makes it."""
    team, user, secret = team_of(request), user_of(request), ""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = tokens.issue_token(
                user,
                team,
                form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=_expiry(form.cleaned_data["days"]),
            )
            form = TokenForm()
        except SpecError as error:
            for problem in error.problems:
                form.add_error(problem.path if problem.path in form.fields else None, problem.message)
    held = ApiToken.objects.filter(user=user, team=team, revoked_at=None)
    context = {"form": form, "tokens": held, "secret": secret}
    return render(request, "teams/token_list.html", context, status=422 if form.errors else 200)


@member()
@require_POST
def token_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End one of the user's own tokens."""
    token = get_object_or_404(ApiToken, pk=pk, user=user_of(request))
    tokens.revoke_token(token)
    messages.success(request, f"Token {token.name} is revoked; nothing opens with it any more.")
    return redirect("token-list")


def _expiry(days: str) -> datetime | None:
    return timezone.now() + timedelta(days=int(days)) if days else None
