"""The trail of a team: who did what, written by the services that do it."""

from webapp.teams.models import Team, TrailEntry, User


def record(team: Team, actor: User | None, action: str, subject: str) -> None:
    """Add a line to the trail.

    Args:
        team: whose trail.
        actor: who did it; None for the platform itself.
        action: family and verb, such as ``fleet.edit``.
        subject: what it was done to, as people know it.
    """
    name = actor.email if actor is not None else "platform"
    TrailEntry.objects.create(team=team, actor=name[:254], action=action, subject=subject[:300])
