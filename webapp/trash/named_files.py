"""Data sets and models on their way through the trash: rows of files that specs name by their hash."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from webapp.experiments.models import Experiment
from webapp.experiments.states import Conflict
from webapp.experiments.submission import require
from webapp.teams.models import Role, User
from webapp.teams.trail import record


@dataclass(frozen=True)
class NamedFiles:
    """A kind of rows with a team and a name.

    Attributes:
        trail: what the trail calls one, such as ``dataset``.
        noun: what people call one.
    """

    trail: str
    noun: str

    def put_in(self, row: Any, user: User) -> None:
        """Put a row into the trash; its file stays, so that what names it can still run."""
        with transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(trashed_at=timezone.now(), trashed_by=user)
            record(row.team, user, f"{self.trail}.delete", row.name)

    def put_back(self, row: Any, user: User) -> None:
        """Take a row out of the trash.

        Raises:
            PermissionDenied: the user is no editor of the team.
        """
        require(user, row.team, Role.EDITOR)
        with transaction.atomic():
            type(row).everything.filter(pk=row.pk).update(trashed_at=None, trashed_by=None)
            record(row.team, user, f"{self.trail}.put_back", row.name)

    def purge(self, row: Any, user: User | None, used_by: Sequence[Experiment]) -> None:
        """Delete a row for good; its file is the caller's. To be called where no experiment can come in between.

        Args:
            row: one that is in the trash.
            user: who does it; None for the platform itself, when its time in the trash is over.
            used_by: the team's experiments that name it, in the trash or not.

        Raises:
            Conflict: there are some.
        """
        if used_by:
            names = ", ".join(f"“{experiment.name}”" for experiment in used_by[:5])
            more = f" and {len(used_by) - 5} more" if len(used_by) > 5 else ""
            raise Conflict(
                f"{row.name} is used by {names}{more}; results could not be made again without it",
                remedy=f"Delete those experiments for good first, then the {self.noun}.",
            )
        record(row.team, user, f"{self.trail}.purge", row.name)
        type(row).everything.filter(pk=row.pk).delete()
