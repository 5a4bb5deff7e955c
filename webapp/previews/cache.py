"""Previews that were made, as files: one folder for each, named by the digest of what was asked for.

A folder holds ``request.json``, pictures, and at last ``result.json``; whoever finds that finds everything.
"""

import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

REQUEST, RESULT, TRIES = "request.json", "result.json", "tries"
KEPT_S = 14 * 86_400
_DIGEST = re.compile(r"[0-9a-f]{64}")


def folder(digest: str) -> Path:
    """The folder of a preview."""
    return home() / digest


def home() -> Path:
    """Where all previews are kept."""
    return Path(settings.EDGELOOM_HOME) / "cache" / "previews"


def is_digest(text: str) -> bool:
    """Whether a text can be the name of a preview."""
    return _DIGEST.fullmatch(text) is not None


def read(digest: str, name: str) -> tuple[dict[str, Any], float] | None:
    """A file of a preview with its age in seconds; None if it is not there."""
    path = folder(digest) / name
    try:
        return orjson.loads(path.read_bytes()), time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None


def write(digest: str, name: str, data: Mapping[str, Any]) -> None:
    """Write a file of a preview, at once or not at all."""
    _write(folder(digest) / name, orjson.dumps(data))


def write_picture(digest: str, number: int, png: bytes) -> None:
    """Keep a picture of a preview."""
    _write(picture(digest, number), png)


def picture(digest: str, number: int) -> Path:
    """The file of a picture."""
    return folder(digest) / f"{number}.png"


def touch(digest: str) -> None:
    """Note that the request was sent now."""
    (folder(digest) / REQUEST).touch()


def next_try(digest: str) -> int:
    """Count that somebody begins to make it; gives how often that has happened."""
    path = folder(digest) / TRIES
    number = int(path.read_text()) + 1 if path.exists() else 1
    _write(path, str(number).encode())
    return number


def reset_tries(digest: str) -> None:
    """Forget how often it was begun."""
    (folder(digest) / TRIES).unlink(missing_ok=True)


def forget(sha256: str) -> None:
    """Remove all previews of an upload."""
    for path in home().glob(f"*/{REQUEST}"):
        if sha256 in path.read_text():
            shutil.rmtree(path.parent, ignore_errors=True)


def trim() -> None:
    """Remove previews that nobody asked for in a long time."""
    limit = time.time() - KEPT_S
    for path in home().glob(f"*/{REQUEST}"):
        if path.stat().st_mtime < limit:
            shutil.rmtree(path.parent, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(path)
