"""Deleting data sets: into the trash, back out of it, and for good."""

from django.db import transaction
from django.utils import timezone

from webapp.datasets import receiving
from webapp.datasets.models import Upload, UploadState
from webapp.datasets.usage import experiments_using, forget_file
from webapp.experiments.states import Conflict
from webapp.experiments.submission import require
from webapp.teams.models import Role, User
from webapp.teams.trail import record


def discard(upload: Upload, user: User) -> None:
    """Put a data set into the trash; an upload that is none yet is gone at once.

    Its file stays where it is, so that what names it can still run, until it is deleted for good.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    require(user, upload.team, Role.EDITOR)
    if upload.state != UploadState.READY:
        Upload.everything.filter(pk=upload.pk).delete()
        _erase_files(upload)
        return
    with transaction.atomic():
        Upload.objects.filter(pk=upload.pk).update(trashed_at=timezone.now(), trashed_by=user)
        record(upload.team, user, "dataset.delete", upload.name)


def put_back(upload: Upload, user: User) -> None:
    """Take a data set out of the trash.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    require(user, upload.team, Role.EDITOR)
    with transaction.atomic():
        Upload.everything.filter(pk=upload.pk).update(trashed_at=None, trashed_by=None)
        record(upload.team, user, "dataset.put_back", upload.name)


def purge(upload: Upload, user: User | None) -> None:
    """Delete a data set for good, with its file and everything that was made of it.

    Args:
        upload: one that is in the trash.
        user: who does it; None for the platform itself, when its time in the trash is over.

    Raises:
        PermissionDenied: the user is no editor of the team.
        Conflict: an experiment of the team, in the trash or not, names it.
    """
    if user is not None:
        require(user, upload.team, Role.EDITOR)
    with transaction.atomic():
        users = experiments_using(upload)
        if users:
            names = ", ".join(f"“{experiment.name}”" for experiment in users[:5])
            more = f" and {len(users) - 5} more" if len(users) > 5 else ""
            raise Conflict(
                f"{upload.name} is used by {names}{more}; results could not be made again without it",
                remedy="Delete those experiments for good first, then the data set.",
            )
        record(upload.team, user, "dataset.purge", upload.name)
        Upload.everything.filter(pk=upload.pk).delete()
    _erase_files(upload)


def _erase_files(upload: Upload) -> None:
    """Remove what lies on the disk for an upload whose row is gone."""
    receiving.discard(upload)
    forget_file(upload.sha256)
