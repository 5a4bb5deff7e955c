"""A copy of everything that cannot be made again, in one file, while the platform runs.

The file is a tar archive: the database, the secret key, artifacts, uploads and checkpoints, and a manifest with the
hash of each. The database is copied first. Artifacts never change and checkpoints that it points to are replaced only
by newer ones, so what is copied after it fits to it.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from webapp.system.errors import StartError

MANIFEST = "manifest.json"
FORMAT = 1
FOLDERS = ("artifacts", "uploads", "runs")
"""Folders of the platform that are copied; data sets can be fetched again, logs and caches are left out."""
SQLITE, DUMP = "db.sqlite3", "db.dump"
SECRET = "secret_key"  # noqa: S105 - the name of a file


@dataclass(frozen=True)
class Copied:
    """How much a backup holds."""

    num_files: int
    num_bytes: int


def back_up(target: Path) -> Copied:
    """Write a backup.

    Args:
        target: the file; must not exist. Only its owner can read it, because it holds the secret key.

    Raises:
        StartError: the file exists, or the database cannot be copied.
    """
    if target.exists():
        raise StartError(f"{target} exists already; name another file.")
    draft = target.with_name(f".{target.name}.part")
    home = Path(settings.EDGELOOM_HOME)
    files: dict[str, dict[str, Any]] = {}
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw, tempfile.TemporaryDirectory(prefix=".backup-", dir=home) as folder:
            with tarfile.open(fileobj=raw, mode="w") as archive:
                database = copy_database(Path(folder))
                for name, path in [(database.name, database), *_files(home)]:
                    _add(archive, name, path, files)
                about = {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(), "files": files}
                _add_text(archive, MANIFEST, json.dumps(about, indent=1))
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return Copied(len(files), sum(entry["size_bytes"] for entry in files.values()))


def copy_database(folder: Path) -> Path:
    """A consistent copy of the database as one file, while others write to it.

    Raises:
        StartError: PostgreSQL's pg_dump is not there or failed.
    """
    if connection.vendor == "sqlite":
        path = folder / SQLITE
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as source, closing(sqlite3.connect(path)) as to:
            source.backup(to)
        return path
    path = folder / DUMP
    run_client("pg_dump", "--format=custom", "--no-owner", f"--file={path}")
    return path


def run_client(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's on the platform's database.

    Raises:
        StartError: it is not there, or it failed; with what to do.
    """
    found = shutil.which(program)
    if found is None:
        raise StartError(
            f"The database is PostgreSQL, whose {program} is not on this machine. Install PostgreSQL's client programs "
            "(Debian: apt-get install postgresql-client), or copy the database where it runs."
        )
    described = connection.settings_dict
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    environment = {**os.environ, **{name: str(described[key]) for name, key in names.items() if described[key]}}
    done = subprocess.run([found, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartError(f"{program} failed: {done.stderr.strip()}")


def _files(home: Path) -> Iterator[tuple[str, Path]]:
    if (home / SECRET).exists():
        yield SECRET, home / SECRET
    for folder in FOLDERS:
        for path in sorted((home / folder).rglob("*")):
            if path.is_file() and not path.name.startswith("."):  # a dot marks what is being written
                yield path.relative_to(home).as_posix(), path


def _add(archive: tarfile.TarFile, name: str, path: Path, files: dict[str, dict[str, Any]]) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            entry = archive.gettarinfo(arcname=name, fileobj=file)
            archive.addfile(entry, file)
    except FileNotFoundError:
        return  # a checkpoint that gave way to a newer one, or a file that was deleted for good meanwhile
    files[name] = {"sha256": digest, "size_bytes": entry.size}


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), 0o600
    archive.addfile(entry, io.BytesIO(text.encode()))


def unpack(source: Path, folder: Path) -> Mapping[str, Any]:
    """Unpack a backup into an empty folder and compare every file with the manifest, which is given back.

    Raises:
        StartError: it is no backup of ours, or not whole.
    """
    try:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, tarfile.TarError, ValueError) as error:
        raise StartError(f"{source} is no backup of Edgeloom, or it is broken: {error}") from error
    if manifest.get("format") != FORMAT:
        raise StartError(f"{source} has format {manifest.get('format')}; this version reads format {FORMAT}.")
    (folder / MANIFEST).unlink()
    wrong = _differences(folder, manifest["files"])
    if wrong:
        raise StartError(f"{source} is damaged; nothing was restored. Wrong: {', '.join(wrong[:5])}")
    return manifest


def _differences(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    wrong = sorted(files.keys() ^ found.keys())
    for name in files.keys() & found.keys():
        with found[name].open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != files[name]["sha256"]:
                wrong.append(name)
    return wrong
