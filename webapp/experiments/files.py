"""The artifact store: files under the hash of their bytes, in the platform's folder."""

import hashlib
import mimetypes
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from webapp.experiments.models import Artifact


def path_of(artifact: Artifact) -> Path:
    """The file of an artifact."""
    return Path(settings.ARTIFACTS_FOLDER) / artifact.path


def keep(data: bytes) -> str:
    """Put bytes into the store; equal bytes are kept once. Gives their hash."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = Path(settings.ARTIFACTS_FOLDER) / sha256
    if not path.exists():
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


def drop_unused(hashes: Iterable[str]) -> None:
    """Delete the files of these hashes that no artifact names any more."""
    for sha256 in hashes:
        if not Artifact.objects.filter(sha256=sha256).exists():
            (Path(settings.ARTIFACTS_FOLDER) / sha256).unlink(missing_ok=True)
