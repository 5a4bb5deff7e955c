"""The gate before every operation: who is calling, and may they do this at all; objects are judged by their team."""

from dataclasses import dataclass
from typing import TypeVar

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from webapp.api import limits
from webapp.api.access import READ, Rule, Scope, rule_of
from webapp.api.answers import rfc3339
from webapp.api.problems import ApiProblem, not_found
from webapp.teams.access import RANK, TeamQuerySet, current_team, role_of, teams_of
from webapp.teams.models import ApiToken, Team, User
from webapp.teams.tokens import digest, resolve_token

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class Caller:
    """Who calls an operation, and by which rule.

    Attributes:
        user: the account.
        token: the bearer token; None for a session of the browser.
        rule: what the operation needs.
    """

    user: User
    token: ApiToken | None
    rule: Rule

    def visible(self, queryset: TeamQuerySet[M]) -> TeamQuerySet[M]:
        """The objects that the caller may see: of the user's teams, with a token only of the token's team."""
        seen = queryset.visible_to(self.user)
        return seen if self.token is None else seen.of(self.token.team)

    def teams(self) -> models.QuerySet[Team]:
        """The teams that the caller reaches."""
        teams = teams_of(self.user)
        return teams if self.token is None else teams.filter(pk=self.token.team_id)

    def require_role(self, team: Team) -> None:
        """Go on only if the role in that team is enough for the operation.

        Raises:
            ApiProblem: it is not.
        """
        role = role_of(self.user, team)
        if role is None:
            raise not_found("team")
        least = self.rule.level
        if least in RANK and RANK[role] < RANK[least]:
            detail = f"This needs the role {least} in the team {team.name}; yours is {role}."
            raise ApiProblem("insufficient_role", detail)

    def require_scope(self, scope: Scope) -> None:
        """Go on only if the token, where there is one, holds that scope too.

        Raises:
            ApiProblem: it does not.
        """
        if self.token is not None and scope not in self.token.scopes:
            held = ", ".join(self.token.scopes)
            raise ApiProblem("insufficient_scope", f"This needs the scope {scope}; the token holds {held}.")


class Request(HttpRequest):
    """A request that went through the gate."""

    auth: Caller


def find(request: Request, queryset: TeamQuerySet[M], what: str, **lookup: object) -> M:
    """The one object of a lookup, if the caller may do the operation on it.

    Raises:
        ApiProblem: there is none that the caller may see, or the role in its team is too low.
    """
    found = request.auth.visible(queryset).select_related("team").filter(**lookup).first()
    if found is None:
        raise not_found(what)
    request.auth.require_role(found.team)  # type: ignore[attr-defined]  # all that belongs to a team has it
    return found


def team_for(request: Request, slug: str | None) -> Team:
    """The team in which something is to be made: the named one, the token's, or the session's.

    Raises:
        ApiProblem: the caller is in no such team, or may not do the operation there.
    """
    caller = request.auth
    if slug is not None:
        team = caller.teams().filter(slug=slug).first()
    else:
        team = caller.token.team if caller.token else current_team(request)
    if team is None:
        raise not_found(f"team {slug!r}" if slug else "team of yours")
    caller.require_role(team)
    return team


class Gate:
    """Authenticates by bearer token or session cookie and checks the token's scope against the operation's rule.

    A request that carries an Authorization header is judged by it alone, never by a cookie that came along.
    """

    def __call__(self, request: HttpRequest) -> Caller:
        """The caller.

        Raises:
            ApiProblem: nobody, or somebody who may not do this.
        """
        match = request.resolver_match
        assert match is not None
        assert request.method is not None
        rule = rule_of(request.method, match.route)
        header = request.headers.get("Authorization")
        caller = _by_session(request, rule) if header is None else _by_token(request, header, rule)
        # A POST that only asks something, such as an estimate, is a read: sliders ask many times a minute.
        reads = request.method == "GET" or rule == READ
        limits.count("reads" if reads else "writes", str(caller.user.pk))
        return caller


def _by_token(request: HttpRequest, header: str, rule: Rule) -> Caller:
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise ApiProblem("unauthenticated", "The header Authorization must read `Bearer <token>`.")
    address = request.META.get("REMOTE_ADDR", "")
    limits.check("refusals", address)
    token = resolve_token(secret.strip())
    if token is None:
        limits.count("refusals", address)
        raise _why_not(secret.strip())
    caller = Caller(token.user, token, rule)
    if rule.scope is not None:
        caller.require_scope(rule.scope)
    return caller


def _why_not(secret: str) -> ApiProblem:
    # Whoever holds the secret may know what became of the token.
    token = ApiToken.objects.filter(hash=digest(secret)).first()
    if token is None:
        return ApiProblem("token_unknown", "There is no such token; it may have been mistyped or deleted.")
    if token.revoked_at is not None:
        return ApiProblem("token_revoked", f"The token {token.prefix}… was revoked at {rfc3339(token.revoked_at)}.")
    if token.expires_at is not None and not token.is_active:
        return ApiProblem("token_expired", f"The token {token.prefix}… expired at {rfc3339(token.expires_at)}.")
    return ApiProblem("token_unknown", f"The token {token.prefix}… opens nothing any more: its user left the team.")


def _nothing(_: HttpRequest) -> HttpResponse:
    """Stands for the view in the check, which only looks whether it is exempt."""
    return HttpResponse()


class _CsrfCheck(CsrfViewMiddleware):
    """Django's check, giving the reason of a refusal instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def _by_session(request: HttpRequest, rule: Rule) -> Caller:
    if not isinstance(request.user, User):
        raise ApiProblem("unauthenticated", "This needs a bearer token or a session cookie; none was sent.")
    check = _CsrfCheck(_nothing)
    check.process_request(request)
    reason = check.process_view(request, _nothing, (), {})
    if reason is not None:
        raise ApiProblem("csrf_failed", f"A write with a session cookie needs the header X-CSRFToken. {reason}")
    return Caller(request.user, None, rule)
