"""Managers that leave out what lies in the trash, so that no page, list, socket or link has to think of it."""

from typing import ClassVar, TypeVar

from django.db import models

from webapp.teams.access import TeamQuerySet

M_co = TypeVar("M_co", bound=models.Model, covariant=True)

TeamManager = models.Manager.from_queryset(TeamQuerySet)


class ShownManager(TeamManager[M_co]):
    """Rows that are not in the trash.

    It is the default manager of its model, so related managers (``cell.runs``) leave out the same rows. Whatever keeps
    the trash uses the model's other manager, ``everything``.
    """

    # Not an argument: Django makes related managers from the class alone.
    path: ClassVar[str] = "trashed_at"
    """From the row to the time at which it was put into the trash."""

    def get_queryset(self) -> TeamQuerySet[M_co]:
        """The rows outside the trash."""
        return TeamQuerySet[M_co](self.model, using=self._db).filter(**{f"{self.path}__isnull": True})


class ShownWithRun(ShownManager[M_co]):
    """Rows of runs that are not in the trash."""

    path = "run__trashed_at"


class ShownWithExperiment(ShownManager[M_co]):
    """Rows of experiments that are not in the trash."""

    path = "experiment__trashed_at"
