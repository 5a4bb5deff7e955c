"""The artifact store: files under the hash of their bytes, in the platform's folder."""

import hashlib
import mimetypes
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db.models import Model

from webapp.experiments.models import Artifact, Experiment

JUST_KEPT_S = 600.0
"""A file that was kept within this time is not deleted: the row that will name it may not be stored yet."""


def path_of(artifact: Artifact) -> Path:
    """The file of an artifact."""
    return Path(settings.ARTIFACTS_FOLDER) / artifact.path


def keep(data: bytes) -> str:
    """Put bytes into the store; equal bytes are kept once. Gives their hash."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = Path(settings.ARTIFACTS_FOLDER) / sha256
    if path.exists():
        os.utime(path)  # says that somebody counts on it again, see drop_unused
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{sha256}.{secrets.token_hex(6)}")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return sha256


def media_type(name: str) -> str:
    """The media type of a file by its name."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def drop_unused(hashes: Iterable[str]) -> int:
    """Delete the files of these hashes that no row names any more; gives how many were deleted.

    Files that were kept just now stay; the next clean-up looks again.
    """
    count = 0
    for sha256 in hashes:
        path = Path(settings.ARTIFACTS_FOLDER) / sha256
        if path.exists() and time.time() - path.stat().st_mtime > JUST_KEPT_S and not _is_named(sha256):
            path.unlink(missing_ok=True)
            count += 1
    return count


def _is_named(sha256: str) -> bool:
    """Whether any row of any table, in the trash or not, names the file of that hash, or an experiment's spec does.

    A teacher whose run is gone is still needed by the experiments that learn from it.
    """
    if Experiment.everything.filter(text__contains=sha256).exists():
        return True
    return any(model._base_manager.filter(sha256=sha256).exists() for model in _holders())


def _holders() -> list[type[Model]]:
    """The models whose rows name files of the store: those with a column ``sha256``."""
    return [model for model in apps.get_models() if any(field.name == "sha256" for field in model._meta.fields)]
