"""Who may see and do what: the one place that the pages, the API and the sockets ask."""

from typing import Any, ClassVar, Self, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.http import HttpRequest

from webapp.teams.models import Membership, Role, Team, User

M = TypeVar("M", bound=models.Model)

RANK: dict[str, int] = {role: place for place, role in enumerate(Role.values)}
"""Roles in rising order."""

SESSION_KEY = "team"


class TeamQuerySet(models.QuerySet[M]):
    """Rows that belong to a team. Nothing is shown to anybody but through :meth:`visible_to`."""

    team_path: ClassVar[str] = "team"

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The rows of the teams in which the user has any role."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        # A sub-query and not a join, so that rows stay unique and the queryset can be updated and sliced.
        teams = Membership.objects.filter(user=user).values("team")
        return self.filter(**{f"{self.team_path}__in": teams})

    def of(self, team: Team) -> Self:
        """The rows of one team."""
        return self.filter(**{self.team_path: team})


def role_of(user: User | AnonymousUser, team: Team) -> str | None:
    """The user's role in the team; None if it has none."""
    if not isinstance(user, User) or not user.is_active:
        return None
    return Membership.objects.filter(user=user, team=team).values_list("role", flat=True).first()


def at_least(user: User | AnonymousUser, team: Team, role: str) -> bool:
    """Whether the user's role in the team is that one or a higher one."""
    held = role_of(user, team)
    return held is not None and RANK[held] >= RANK[role]


def teams_of(user: User | AnonymousUser) -> models.QuerySet[Team]:
    """The user's teams, by name."""
    if not isinstance(user, User) or not user.is_active:
        return Team.objects.none()
    return Team.objects.filter(memberships__user=user).order_by("name")


def current_team(request: HttpRequest) -> Team | None:
    """The team in which the request works: the one chosen in this session, else the user's first; None without any."""
    cached: Team | None = getattr(request, "_current_team", None)
    if cached is None:
        teams = teams_of(request.user)
        chosen = request.session.get(SESSION_KEY) if hasattr(request, "session") else None
        cached = (teams.filter(id=chosen).first() if chosen else None) or teams.first()
        request._current_team = cached  # type: ignore[attr-defined]
    return cached


def choose_team(request: HttpRequest, team: Team) -> None:
    """Work in that team from now on in this session."""
    request.session[SESSION_KEY] = str(team.id)
    request._current_team = team  # type: ignore[attr-defined]


def team_context(request: HttpRequest) -> dict[str, Any]:
    """Template context: the current team and the user's role in it."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    team = current_team(request)
    return {"current_team": team, "current_role": role_of(request.user, team) if team else None}
