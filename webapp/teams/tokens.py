"""API tokens and one-time sign-in links: secrets of which only a hash is stored."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from engine.core.errors import Problem, SpecError
from webapp.teams.access import role_of
from webapp.teams.models import ApiToken, Scope, SignInLink, Team, User
from webapp.teams.trail import record

PREFIX = "elm_"
USED_EVERY = timedelta(minutes=1)
"""The time of last use is stored at most this often, so that a busy script does not write at every request."""


def digest(secret: str) -> str:
    """What is stored of a secret. It has 256 random bits, so a plain hash cannot be searched backwards."""
    return hashlib.sha256(secret.encode()).hexdigest()


def issue_token(
    user: User, team: Team, name: str, *, scopes: Sequence[str] | None = None, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token of the user for one team.

    Args:
        user: whose rights it carries.
        team: the only team it opens.
        name: what it is for, for people.
        scopes: what it may be used for; None for everything but managing tokens and members.
        expires_at: None if it never expires.

    Returns:
        The stored token and its secret, which is never shown again.

    Raises:
        SpecError: no name, an unknown scope, an expiry in the past, or the user is not in the team.
    """
    chosen = list(dict.fromkeys(scopes)) if scopes is not None else [Scope.READ, Scope.RUN, Scope.WRITE]
    problems = _token_problems(name, chosen, expires_at)
    if role_of(user, team) is None:
        problems.append(Problem("team", "not_a_member", f"{user.email} is not a member of the team {team.slug}"))
    if problems:
        raise SpecError(problems)
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            team=team,
            name=name.strip(),
            prefix=secret[: len(PREFIX) + 6],
            hash=digest(secret),
            scopes=[str(scope) for scope in chosen],
            expires_at=expires_at,
        )
        record(team, user, "token.create", f"{token.name}: {', '.join(token.scopes)}")
    return token, secret


def _token_problems(name: str, scopes: Sequence[str], expires_at: datetime | None) -> list[Problem]:
    problems = []
    if not 1 <= len(name.strip()) <= 80:
        problems.append(Problem("name", "wrong_length", f"a token needs a name of 1 to 80 characters; given: {name!r}"))
    unknown = [scope for scope in scopes if scope not in Scope.values]
    if unknown or not scopes:
        allowed, given = ", ".join(Scope.values), ", ".join(unknown) or "none"
        problems.append(Problem("scopes", "unknown_scope", f"scopes are {allowed}; given: {given}"))
    if expires_at is not None and expires_at <= timezone.now():
        message = f"a token must expire in the future; given: {expires_at.isoformat()}"
        problems.append(Problem("expires_at", "in_the_past", message))
    return problems


def resolve_token(secret: str) -> ApiToken | None:
    """The active token with that secret, whose user is active and still in its team; else None."""
    if not secret.startswith(PREFIX):
        return None
    # In one query, because every request of a script begins with it.
    alive = ApiToken.objects.filter(user__is_active=True, team__memberships__user=F("user"))
    token = alive.select_related("user", "team").filter(hash=digest(secret)).first()
    if token is None or not token.is_active:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def revoke_token(token: ApiToken) -> None:
    """End a token at once; a second time changes nothing."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            record(token.team, token.user, "token.revoke", token.name)


def issue_sign_in_link(user: User) -> str:
    """The secret of a new link ``/sign-in/<secret>/`` that signs the user in once."""
    secret = secrets.token_urlsafe(32)
    expires_at = timezone.now() + timedelta(seconds=settings.SIGN_IN_LINK_S)
    SignInLink.objects.create(user=user, hash=digest(secret), expires_at=expires_at)
    return secret


def consume_sign_in_link(secret: str) -> User | None:
    """The user of a link that is unused and not expired; it is used from now on. Else None."""
    now = timezone.now()
    with transaction.atomic():
        # One conditional update: of two requests with the same link only one gets through.
        links = SignInLink.objects.filter(hash=digest(secret), used_at=None, expires_at__gt=now, user__is_active=True)
        if links.update(used_at=now) == 0:
            return None
        return SignInLink.objects.select_related("user").get(hash=digest(secret)).user
