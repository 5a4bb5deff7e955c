"""The team's page: members, invitations, trail; and the page by which people join."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engine.core.errors import EngineError, SpecError
from webapp.teams import invitations, members
from webapp.teams.access import choose_team, role_of, teams_of
from webapp.teams.forms import InvitationForm, SignUpForm, TeamForm
from webapp.teams.models import Invitation, Membership, Role, TrailEntry, User
from webapp.teams.pages import keyset_page, member, team_of, user_of
from webapp.teams.views import BACKEND


@member()
@require_GET
def team_detail(request: HttpRequest) -> HttpResponse:
    """Who is in the team, and for owners what they can do about it."""
    team, user = team_of(request), user_of(request)
    rows = Membership.objects.filter(team=team).select_related("user").order_by("joined_at", "pk")
    context = {
        "team": team,
        "members": rows,
        "mine": next((row for row in rows if row.user_id == user.pk), None),
        "roles": Role.choices,
        "is_owner": role_of(user, team) == Role.OWNER,
        "teams": teams_of(user),
    }
    return render(request, "teams/team_detail.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def team_create(request: HttpRequest) -> HttpResponse:
    """A new team, of which the user is the owner; the session works in it from then on."""
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        team = members.create_team(user_of(request), form.cleaned_data["name"])
        choose_team(request, team)
        messages.success(request, f"You are the owner of {team.name}. Invite people to it here.")
        return redirect("team-detail")
    return render(request, "teams/team_form.html", {"form": form}, status=422 if form.errors else 200)


@member(Role.OWNER)
@require_POST
def team_rename(request: HttpRequest) -> HttpResponse:
    """Another name for the team."""
    try:
        members.rename_team(team_of(request), user_of(request), request.POST.get("name", ""))
        messages.success(request, "The team has its new name.")
    except SpecError as error:
        messages.error(request, _said(error))
    return redirect("team-detail")


@member(Role.OWNER)
@require_POST
def member_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Another role for a member."""
    membership = _member(request, pk)
    try:
        members.change_role(membership, user_of(request), request.POST.get("role", ""))
        membership.refresh_from_db()
        messages.success(request, f"{membership.user} is {membership.get_role_display().lower()} now.")
    except EngineError as error:
        messages.error(request, _said(error))
    return redirect("team-detail")


@member()
@require_http_methods(["GET", "POST"])
def member_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a member out of the team, or leave it, after a question."""
    membership, user = _member(request, pk), user_of(request)
    is_me = membership.user_id == user.pk
    if not is_me:
        members.require_owner(user, membership.team)
    if request.method == "GET":
        context = {"membership": membership, "is_me": is_me, "is_last": members.is_last_owner(membership)}
        return render(request, "teams/member_confirm_remove.html", context)
    try:
        members.remove_member(membership, user)
    except members.LastOwner as error:
        messages.error(request, _said(error))
        return redirect("team-detail")
    if is_me:
        messages.success(request, f"You left {membership.team.name}.")
        return redirect("home" if teams_of(user).exists() else "team-create")
    messages.success(request, f"{membership.user} is not in {membership.team.name} any more.")
    return redirect("team-detail")


@member(Role.OWNER)
@require_http_methods(["GET", "POST"])
def invitation_list(request: HttpRequest) -> HttpResponse:
    """The team's invitations, and a form for another; a new one's address is shown once."""
    team, user, address = team_of(request), user_of(request), ""
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        expires_at = timezone.now() + timedelta(days=int(sent["days"]))
        _, secret = invitations.invite(team, user, sent["role"], expires_at=expires_at, max_uses=sent["max_uses"])
        address = request.build_absolute_uri(reverse("join", args=[secret]))
        form = InvitationForm()
    found = Invitation.objects.filter(team=team).select_related("created_by")[:100]
    context = {"form": form, "invitations": found, "address": address}
    return render(request, "teams/invitation_list.html", context, status=422 if form.errors else 200)


@member(Role.OWNER)
@require_POST
def invitation_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End an invitation."""
    invitation = get_object_or_404(Invitation.objects.select_related("team"), pk=pk, team=team_of(request))
    invitations.revoke(invitation, user_of(request))
    messages.success(request, "The invitation has ended; nobody can join by it any more.")
    return redirect("invitation-list")


@member(Role.OWNER)
@require_GET
def trail_list(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first."""
    page = keyset_page(TrailEntry.objects.filter(team=team_of(request)), request.GET.get("after", ""))
    return render(request, "teams/trail_list.html", {"page": page})


@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Join a team by an invitation: as who is signed in, else with a new account."""
    invitation = invitations.find_invitation(secret)
    if invitation is None or not invitation.is_open:
        response = render(request, "teams/join.html", {"is_ended": True}, status=410 if invitation else 404)
    else:
        response = _join(request, invitation)
    # The address is the key to the team. The same-origin policy of every page keeps it from other sites; to send no
    # referrer at all would turn the Origin of the form's POST into "null", which the CSRF check refuses.
    patch_cache_control(response, no_store=True)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _join(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    user = request.user if isinstance(request.user, User) else None
    form = SignUpForm(request.POST if request.method == "POST" and user is None else None)
    if request.method == "POST":
        try:
            if user is not None:
                invitations.join(invitation, user)
            elif form.is_valid():
                user = invitations.sign_up(invitation, form.cleaned_data["email"], form.cleaned_data["password"])
                login(request, user, backend=BACKEND)
        except invitations.InvitationEnded:
            return render(request, "teams/join.html", {"is_ended": True}, status=410)
        except SpecError as error:
            for problem in error.problems:
                form.add_error(problem.path if problem.path in form.fields else None, problem.message.capitalize())
        if user is not None:
            choose_team(request, invitation.team)
            messages.success(request, f"You are in {invitation.team.name} now.")
            return redirect("home")
    held = role_of(user, invitation.team) if user else None
    context = {"invitation": invitation, "form": form, "held": Role(held).label.lower() if held else ""}
    return render(request, "teams/join.html", context, status=422 if form.errors else 200)


def _member(request: HttpRequest, pk: int) -> Membership:
    found = Membership.objects.select_related("team", "user").filter(team__in=teams_of(request.user))
    return get_object_or_404(found, pk=pk)


def _said(error: EngineError) -> str:
    if isinstance(error, SpecError):
        return "; ".join(problem.message for problem in error.problems).capitalize()
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}. {error.remedy}".strip()
