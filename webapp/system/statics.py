"""Collected static files: hashed names and compressed copies, made again only when a source file changed."""

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders

from webapp.system.errors import StartError


def are_current() -> bool:
    """Whether the collected files are those of the present sources."""
    stamp = _stamp()
    return stamp.exists() and stamp.read_text() == _digest()


def collect(environment: Mapping[str, str]) -> None:
    """Collect all static files.

    Raises:
        StartError: with the command's own words.
    """
    # In a process of its own: Django chooses the storage when it reads its settings.
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--clear", "--verbosity", "0"]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise StartError(f"Collecting the static files failed:\n{done.stderr.strip()}")
    _stamp().write_text(_digest())


def _stamp() -> Path:
    return Path(settings.STATIC_ROOT) / ".sources"


def _digest() -> str:
    """Changes with the name, size or time of any source file and with what compresses them."""
    digest = hashlib.sha256(f"{version('django')} {version('whitenoise')}".encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
