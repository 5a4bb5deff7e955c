"""What can be done with users and teams."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from engine.core.errors import Problem, SpecError
from webapp.teams.models import Membership, Role, Team, User

FIRST_EMAIL = "owner@edgeloom.localhost"
FIRST_TEAM = "workspace"


@transaction.atomic
def seed_workspace() -> User:
    """The owner of the first team; both are made where there is no user yet.

    Safe to call at every start: a platform that has users is left as it is.
    """
    first = first_owner()
    if first is not None:
        return first
    user = User.objects.order_by("date_joined", "id").first() or User.objects.create_user(FIRST_EMAIL)
    team, _ = Team.objects.get_or_create(slug=FIRST_TEAM, defaults={"name": "Workspace"})
    Membership.objects.update_or_create(team=team, user=user, defaults={"role": Role.OWNER})
    return user


def first_owner() -> User | None:
    """The longest-standing active owner of the oldest team; None on an empty platform."""
    owners = Membership.objects.filter(role=Role.OWNER, user__is_active=True).select_related("user")
    first = owners.order_by("team__created_at", "joined_at", "id").first()
    return first.user if first else None


def first_team(user: User) -> Team | None:
    """The oldest team of which the user is a member."""
    return Team.objects.filter(memberships__user=user).order_by("created_at", "slug").first()


@transaction.atomic
def create_user(email: str, password: str | None, *, team: Team, role: str = Role.EDITOR) -> User:
    """Make an account and put it into a team.

    Raises:
        SpecError: the address is malformed or taken, the password too weak, or the role unknown.
    """
    problems = _email_problems(email)
    if role not in Role.values:
        problems.append(Problem("role", "unknown_role", f"roles are {', '.join(Role.values)}; given: {role!r}"))
    if password is not None:
        problems += _password_problems(password, User(email=email))
    if problems:
        raise SpecError(problems)
    user = User.objects.create_user(email, password)
    Membership.objects.create(team=team, user=user, role=role)
    return user


def set_password(user: User, password: str) -> None:
    """Give a user a new password; open sessions of that user end.

    Raises:
        SpecError: it is too weak.
    """
    problems = _password_problems(password, user)
    if problems:
        raise SpecError(problems)
    user.set_password(password)
    user.save(update_fields=["password"])


def _email_problems(email: str) -> list[Problem]:
    try:
        validate_email(email.strip())
    except ValidationError:
        return [Problem("email", "invalid_email", f"an e-mail address looks like name@example.org; given: {email!r}")]
    if User.objects.filter(email__iexact=email.strip()).exists():
        return [Problem("email", "taken", f"there is an account with this address already: {email!r}")]
    return []


def _password_problems(password: str, user: User) -> list[Problem]:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return [Problem("password", "weak_password", message) for message in error.messages]
    return []
