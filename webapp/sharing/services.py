"""What can be done with shared links, and the one place that says what a link opens."""

import secrets
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from engine.core.errors import Problem, SpecError
from webapp import broker
from webapp.experiments.models import Experiment
from webapp.experiments.submission import require
from webapp.sharing.models import Scope, Share
from webapp.teams.models import Role, User
from webapp.teams.tokens import digest
from webapp.teams.trail import record

MAX_NAME = 80


def share(
    experiment: Experiment, user: User, scope: str, *, name: str = "", expires_at: datetime | None = None
) -> tuple[Share, str]:
    """Make a link to an experiment.

    Args:
        experiment: what it shows.
        user: who shares; needs the role editor.
        scope: how much it shows, a value of :class:`Scope`.
        name: for whom or what it is.
        expires_at: from when on it shows nothing; None for never.

    Returns:
        The stored link and its secret of 256 random bits, which is never shown again.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: all that is wrong with scope, name and time.
    """
    require(user, experiment.team, Role.EDITOR)
    problems = _problems(scope, name, expires_at)
    if problems:
        raise SpecError(problems)
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        made = Share.objects.create(
            team=experiment.team,
            experiment=experiment,
            name=name.strip(),
            scope=scope,
            hash=digest(secret),
            created_by=user,
            expires_at=expires_at,
        )
        record(experiment.team, user, "share.create", f"{experiment.name}, {scope}")
    return made, secret


def revoke(shared: Share, user: User) -> None:
    """End a link at once, with the sockets that it opened; a second time changes nothing.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    require(user, shared.team, Role.EDITOR)
    with transaction.atomic():
        if Share.objects.filter(pk=shared.pk, revoked_at=None).update(revoked_at=timezone.now()):
            record(shared.team, user, "share.revoke", shared.experiment.name)
            transaction.on_commit(broker.recheck)


def find_share(secret: str) -> Share | None:
    """The link with that secret, open or not; None if there is none or its experiment is gone or in the trash."""
    return Share.objects.select_related("experiment", "team").filter(hash=digest(secret)).first()


def count_view(shared: Share) -> None:
    """Somebody opened the link."""
    Share.objects.filter(pk=shared.pk).update(num_views=F("num_views") + 1, last_viewed_at=timezone.now())


def _problems(scope: str, name: str, expires_at: datetime | None) -> list[Problem]:
    problems = []
    if scope not in Scope.values:
        message = f"scopes are {', '.join(Scope.values)}; given: {scope!r}"
        problems.append(Problem("scope", "unknown_scope", message))
    if len(name.strip()) > MAX_NAME or "\0" in name:
        message = f"a name has at most {MAX_NAME} characters; given {len(name.strip())}"
        problems.append(Problem("name", "wrong_length", message))
    if expires_at is not None and expires_at <= timezone.now():
        message = f"a link must expire in the future; given: {expires_at.isoformat()}"
        problems.append(Problem("expires_at", "in_the_past", message))
    return problems
