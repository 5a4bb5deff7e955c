"""Invitations: links by which people join a team with a role."""

import secrets
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from engine.core.errors import EngineError, Problem, SpecError
from webapp.teams.members import require_owner
from webapp.teams.models import Invitation, Membership, Role, Team, User
from webapp.teams.services import create_user
from webapp.teams.tokens import digest
from webapp.teams.trail import record

MOST_USES = 100


class InvitationEnded(EngineError):
    """Nobody can join by this invitation any more."""

    code = "conflict"


def invite(team: Team, user: User, role: str, *, expires_at: datetime, max_uses: int = 1) -> tuple[Invitation, str]:
    """Make an invitation.

    Args:
        team: to which it invites.
        user: who invites; needs the role owner.
        role: what those who join by it become.
        expires_at: from when on it does not work any more.
        max_uses: how many people can join by it.

    Returns:
        The stored invitation and its secret, which is never shown again.

    Raises:
        PermissionDenied: the user is no owner of the team.
        SpecError: all that is wrong with role, time and number.
    """
    require_owner(user, team)
    problems = []
    if role not in Role.values:
        problems.append(Problem("role", "unknown_role", f"roles are {', '.join(Role.values)}; given: {role!r}"))
    if expires_at <= timezone.now():
        message = f"an invitation must expire in the future; given: {expires_at.isoformat()}"
        problems.append(Problem("expires_at", "in_the_past", message))
    if not 1 <= max_uses <= MOST_USES:
        message = f"1 to {MOST_USES} people can join by one link; given: {max_uses}"
        problems.append(Problem("max_uses", "out_of_range", message))
    if problems:
        raise SpecError(problems)
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            team=team, role=role, hash=digest(secret), max_uses=max_uses, created_by=user, expires_at=expires_at
        )
        record(team, user, "invitation.create", f"{role}, for {max_uses}")
    return invitation, secret


def revoke(invitation: Invitation, user: User) -> None:
    """End an invitation at once; a second time changes nothing.

    Raises:
        PermissionDenied: the user is no owner of the team.
    """
    require_owner(user, invitation.team)
    with transaction.atomic():
        if Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now()):
            record(invitation.team, user, "invitation.revoke", invitation.role)


def find_invitation(secret: str) -> Invitation | None:
    """The invitation with that secret, open or not."""
    return Invitation.objects.select_related("team", "created_by").filter(hash=digest(secret)).first()


def join(invitation: Invitation, user: User) -> Membership:
    """Join the team; who is in it already keeps the role and uses nothing up.

    Raises:
        InvitationEnded: it was revoked, is used up or has expired.
    """
    held = Membership.objects.filter(team=invitation.team, user=user).first()
    if held is not None:
        return held
    with transaction.atomic():
        _take(invitation)
        membership, _ = Membership.objects.get_or_create(
            team=invitation.team, user=user, defaults={"role": invitation.role}
        )
        record(invitation.team, user, "member.join", f"{user.email} as {invitation.role}")
    return membership


def sign_up(invitation: Invitation, email: str, password: str) -> User:
    """Make an account that is in the team.

    Raises:
        InvitationEnded: it was revoked, is used up or has expired.
        SpecError: all that is wrong with address and password.
    """
    with transaction.atomic():
        _take(invitation)
        user = create_user(email, password, team=invitation.team, role=invitation.role)
        record(invitation.team, user, "member.join", f"{user.email} as {invitation.role}")
    return user


def _take(invitation: Invitation) -> None:
    # One conditional update: of two people with the last use of a link only one gets through.
    open_ones = Invitation.objects.filter(
        pk=invitation.pk, revoked_at=None, num_uses__lt=F("max_uses"), expires_at__gt=timezone.now()
    )
    if open_ones.update(num_uses=F("num_uses") + 1) == 0:
        raise InvitationEnded(
            "this invitation does not work any more", remedy="Ask an owner of the team for a new link."
        )
