"""A team with a member of each role and a stranger, for tests of services and sockets."""

from dataclasses import dataclass, field

from webapp.teams.models import Membership, Role, Team, User


@dataclass
class People:
    """Two teams: ``team`` with a user named after each role, and ``elsewhere``, of which ``stranger`` is the owner."""

    team: Team
    elsewhere: Team
    users: dict[str, User] = field(default_factory=dict)

    def __getitem__(self, name: str) -> User:
        return self.users[name]


def make_people() -> People:
    """Store them."""
    people = People(Team.objects.create(slug="lab", name="Lab"), Team.objects.create(slug="else", name="Else"))
    for role in Role.values:
        user = people.users[role] = User.objects.create_user(f"{role}@example.org")
        Membership.objects.create(team=people.team, user=user, role=role)
    stranger = people.users["stranger"] = User.objects.create_user("stranger@example.org")
    Membership.objects.create(team=people.elsewhere, user=stranger, role=Role.OWNER)
    return people
