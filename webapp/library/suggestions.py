"""Values that forms offer for text fields: names that the team already uses, and its uploads."""

from collections.abc import Sequence

from webapp.datasets.models import Upload, UploadState
from webapp.library.models import Fleet
from webapp.specforms.node import Choice, Suggest
from webapp.teams.models import Team

MOST_FLEETS = 50
MOST_UPLOADS = 100


def suggester(team: Team, groups: Sequence[str] | None = None) -> Suggest:
    """What to offer at a place.

    Args:
        team: whose fleets are looked at.
        groups: names of the groups that the form itself has; None if it has no fleet.
    """

    def suggest(path: str) -> Sequence[Choice]:
        if path.endswith(".sha256"):
            return _uploads_of(team)
        if path != "network.links@key":
            return ()
        names = groups_of(team) if groups is None else groups
        return [Choice(name, name) for name in dict.fromkeys([*names, "default"])]

    return suggest


def _uploads_of(team: Team) -> Sequence[Choice]:
    rows = Upload.objects.of(team).filter(state=UploadState.READY)[:MOST_UPLOADS]
    return [Choice(row.sha256, f"{row.name} ({row.kind})") for row in rows]


def groups_of(team: Team) -> list[str]:
    """Names of the groups of a team's fleets."""
    bodies = Fleet.objects.of(team).values_list("body", flat=True)[:MOST_FLEETS]
    groups = [group for body in bodies for group in body.get("groups", []) if isinstance(group, dict)]
    return sorted({str(group["name"]) for group in groups if "name" in group})
