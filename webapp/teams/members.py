"""What can be done with teams and their members."""

import secrets

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from engine.core.errors import EngineError, Problem, SpecError
from webapp import broker
from webapp.teams.access import RANK, at_least, role_of
from webapp.teams.models import ApiToken, Invitation, Membership, Role, Team, User
from webapp.teams.trail import record

MAX_NAME = 120


class LastOwner(EngineError):
    """A team always has an owner who can sign in."""

    code = "conflict"


def create_team(user: User, name: str) -> Team:
    """Make a team of which the user is the owner.

    Raises:
        SpecError: the name is empty or too long.
    """
    title = checked_name(name)
    with transaction.atomic():
        team = Team.objects.create(name=title, slug=_free_slug(title))
        Membership.objects.create(team=team, user=user, role=Role.OWNER)
        record(team, user, "team.create", title)
    return team


def rename_team(team: Team, user: User, name: str) -> None:
    """Give a team another name; its slug stays, so addresses go on working.

    Raises:
        PermissionDenied: the user is no owner of the team.
        SpecError: the name is empty or too long.
    """
    require_owner(user, team)
    title = checked_name(name)
    with transaction.atomic():
        record(team, user, "team.rename", f"{team.name} to {title}")
        team.name = title
        team.save(update_fields=["name"])


def change_role(membership: Membership, user: User, role: str) -> None:
    """Give a member another role.

    What the member has open is checked again at once; who was an owner and is not any more loses the invitations that
    still wait.

    Raises:
        PermissionDenied: the user is no owner of the team.
        SpecError: there is no such role.
        LastOwner: the member is the only owner.
    """
    require_owner(user, membership.team)
    checked_role(role)
    with transaction.atomic():
        membership = _locked(membership)
        if role == membership.role:
            return
        if role != Role.OWNER:
            _keep_an_owner(membership)
            _end_invitations(membership)
        said = f"{membership.user.email}: {membership.role} to {role}"
        fell = RANK[role] < RANK[membership.role]
        membership.role = role
        membership.save(update_fields=["role"])
        record(membership.team, user, "member.role", said)
        if fell:
            transaction.on_commit(broker.recheck)


def remove_member(membership: Membership, user: User) -> None:
    """Take a member out of the team, or leave it oneself.

    At once the member's live sockets of the team close; the member's tokens and waiting invitations of the team end.

    Raises:
        PermissionDenied: the user is neither an owner of the team nor that member.
        LastOwner: the member is the only owner.
    """
    if membership.user_id != user.pk:
        require_owner(user, membership.team)
    with transaction.atomic():
        membership = _locked(membership)
        _keep_an_owner(membership)
        _end_invitations(membership)
        tokens = ApiToken.objects.filter(user=membership.user_id, team=membership.team_id, revoked_at=None)
        # Else they would open the team again on the day on which the member comes back.
        tokens.update(revoked_at=timezone.now())
        action = "member.leave" if membership.user_id == user.pk else "member.remove"
        record(membership.team, user, action, membership.user.email)
        membership.delete()
        transaction.on_commit(broker.recheck)


def is_last_owner(membership: Membership) -> bool:
    """Whether no other owner of the team could sign in."""
    others = Membership.objects.filter(team=membership.team_id, role=Role.OWNER, user__is_active=True)
    return membership.role == Role.OWNER and not others.exclude(pk=membership.pk).exists()


def require_owner(user: User, team: Team) -> None:
    """Go on only for an owner.

    Raises:
        PermissionDenied: the user is none.
    """
    if not at_least(user, team, Role.OWNER):
        raise PermissionDenied(f"This needs the role owner in the team {team.name}; yours is {role_of(user, team)}.")


def checked_role(role: str) -> str:
    """The role, if there is such a one.

    Raises:
        SpecError: there is not.
    """
    if role not in Role.values:
        raise SpecError([Problem("role", "unknown_role", f"roles are {', '.join(Role.values)}; given: {role!r}")])
    return role


def checked_name(name: str) -> str:
    """The name of a team, without space around it.

    Raises:
        SpecError: it is empty, too long or cannot be stored.
    """
    title = name.strip()
    if not 1 <= len(title) <= MAX_NAME or "\0" in title:
        message = f"a team needs a name of 1 to {MAX_NAME} characters; given {len(title)}"
        raise SpecError([Problem("name", "wrong_length", message)])
    return title


def _locked(membership: Membership) -> Membership:
    # The team's row is the lock: two owners who leave at the same moment must not both see the other one still there.
    Team.objects.select_for_update().get(pk=membership.team_id)
    return Membership.objects.select_related("team", "user").get(pk=membership.pk)


def _keep_an_owner(membership: Membership) -> None:
    if is_last_owner(membership):
        raise LastOwner(
            f"{membership.user.email} is the only owner of {membership.team.name}",
            remedy="Make another member an owner first.",
        )


def _end_invitations(membership: Membership) -> None:
    waiting = Invitation.objects.filter(team=membership.team_id, created_by=membership.user_id, revoked_at=None)
    waiting.update(revoked_at=timezone.now())


def _free_slug(title: str) -> str:
    base = slugify(title)[:40].strip("-") or "team"
    slug = base
    while Team.objects.filter(slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(3)}"
    return slug
