"""Deleting data sets: into the trash, back out of it, and for good."""

from django.db import transaction

from webapp.datasets import receiving
from webapp.datasets.models import Upload, UploadState
from webapp.datasets.usage import experiments_using, forget_file
from webapp.experiments.submission import require
from webapp.teams.models import Role, User
from webapp.trash.named_files import NamedFiles

DATASETS = NamedFiles("dataset", "data set")


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
    DATASETS.put_in(upload, user)


def put_back(upload: Upload, user: User) -> None:
    """Take a data set out of the trash.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    DATASETS.put_back(upload, user)


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
        DATASETS.purge(upload, user, experiments_using(upload))
    _erase_files(upload)


def _erase_files(upload: Upload) -> None:
    """Remove what lies on the disk for an upload whose row is gone."""
    receiving.discard(upload)
    forget_file(upload.sha256)
