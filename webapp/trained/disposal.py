"""Deleting uploaded models: into the trash, back out of it, and for good. Those of runs go with their experiment."""

from django.db import transaction

from webapp.datasets import receiving
from webapp.experiments.files import drop_unused
from webapp.experiments.states import Conflict
from webapp.experiments.submission import require
from webapp.teams.models import Role, User
from webapp.trained.models import ModelState, TrainedModel
from webapp.trained.usage import experiments_using
from webapp.trash.named_files import NamedFiles

MODELS = NamedFiles("model", "model")


def discard(row: TrainedModel, user: User) -> None:
    """Put a model into the trash; an upload that is not complete is gone at once.

    Raises:
        PermissionDenied: the user is no editor of the team.
        Conflict: a run made it.
    """
    require(user, row.team, Role.EDITOR)
    if row.artifact is not None:
        raise Conflict(
            f"{row.name} was made by a run and stays as long as the run does",
            remedy="Delete the experiment to delete it.",
        )
    if row.state != ModelState.READY:
        TrainedModel.everything.filter(pk=row.pk).delete()
        receiving.discard(row)
        return
    MODELS.put_in(row, user)


def put_back(row: TrainedModel, user: User) -> None:
    """Take a model out of the trash.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    MODELS.put_back(row, user)


def purge(row: TrainedModel, user: User | None) -> None:
    """Delete a model for good, with its file.

    Args:
        row: one that is in the trash.
        user: who does it; None for the platform itself, when its time in the trash is over.

    Raises:
        PermissionDenied: the user is no editor of the team.
        Conflict: an experiment of the team, in the trash or not, names it.
    """
    if user is not None:
        require(user, row.team, Role.EDITOR)
    with transaction.atomic():
        MODELS.purge(row, user, experiments_using(row))
    drop_unused([row.sha256])
