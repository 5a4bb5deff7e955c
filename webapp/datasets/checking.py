"""Looking through an uploaded file: is it what was announced, and can it be such a data set at all."""

import os
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

from django.conf import settings

from engine.core.errors import Problem, SpecError
from engine.data.archive import Limits
from engine.data.upload import UploadInfo, keep
from engine.data.uploads import inspect
from webapp.datasets import receiving
from webapp.datasets.models import Upload, UploadState


def check(upload_id: UUID) -> None:
    """Look through a complete upload: it becomes ready, or refused with all problems and without its file.

    Safe to be called twice: whoever comes second finds nothing to do.
    """
    upload = Upload.objects.filter(pk=upload_id, state=UploadState.CHECKING).first()
    if upload is None:
        return
    path = receiving.file_of(upload)
    try:
        info = _examined(upload, path)
    except SpecError as error:
        refuse(upload, error.problems)
        return
    _store(upload, path, info)


def refuse(upload: Upload, problems: tuple[Problem, ...]) -> None:
    """Keep the problems and nothing else."""
    found = [asdict(problem) for problem in problems]
    Upload.objects.filter(pk=upload.pk, state=UploadState.CHECKING).update(state=UploadState.REFUSED, problems=found)
    receiving.discard(upload)


def _examined(upload: Upload, path: Path) -> UploadInfo:
    size = path.stat().st_size if path.is_file() else 0
    if size != upload.size_bytes:
        message = f"the file has {size:,} bytes, but {upload.size_bytes:,} were announced"
        raise SpecError([Problem("size_bytes", "wrong_size", message)])
    found = receiving.checksum(path)
    if found != upload.sha256:
        message = f"the file did not arrive as it was announced: its SHA-256 is {found}, announced was {upload.sha256}"
        raise SpecError([Problem("sha256", "checksum_mismatch", message)])
    return inspect(path, upload.kind, Limits(file_bytes=settings.UPLOAD_FILE_BYTES))


def _store(upload: Upload, path: Path, info: UploadInfo) -> None:
    """Move the file into the artifact store, then say so."""
    home = Path(settings.ARTIFACTS_FOLDER)
    home.mkdir(parents=True, exist_ok=True)
    place = home / upload.sha256
    with path.open("rb") as file:
        os.fsync(file.fileno())
    path.replace(place)
    keep(place, info)
    found = info.model_dump(mode="json")
    Upload.objects.filter(pk=upload.pk, state=UploadState.CHECKING).update(state=UploadState.READY, info=found)
    receiving.discard(upload)
