"""Putting a backup in the place of what the platform's folder holds."""

import tempfile
import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from webapp.system import backup
from webapp.system.errors import StartError
from webapp.system.folder import Folder, Hold


def restore(source: Path, *, force: bool = False) -> Path | None:
    """Restore a backup, bring its tables up to date, and leave what was there before beside it.

    Args:
        source: a file of :func:`webapp.system.backup.back_up`.
        force: whether data that is there gives way.

    Returns:
        Where the data that gave way lies; None if there was none.

    Raises:
        StartError: the platform runs, its folder holds data, or the backup is broken; then nothing is changed.
    """
    if not source.is_file():
        raise StartError(f"There is no file {source}.")
    home = Path(settings.EDGELOOM_HOME)
    with Hold(Folder(home)), tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as scratch:
        there = occupied(home)
        if there and not force:
            raise StartError(
                f"{home} holds data already ({', '.join(there)}). Restore into another folder with --home FOLDER, "
                "or have this data give way with --force; it is then moved aside, not deleted."
            )
        folder = Path(scratch)
        backup.unpack(source, folder)
        _check_database(folder)
        connections.close_all()
        aside = _move_aside(home, there)
        for path in folder.iterdir():
            if path.name != backup.DUMP:
                _make_way(home / path.name)
                path.rename(home / path.name)
        if (folder / backup.DUMP).exists():
            arguments = ("--clean", "--if-exists", "--no-owner", f"--dbname={connection.settings_dict['NAME']}")
            backup.run_client("pg_restore", *arguments, str(folder / backup.DUMP))
        call_command("migrate", interactive=False, verbosity=0)
        connections.close_all()
    return aside


def occupied(home: Path) -> list[str]:
    """What of the folder a restore would replace: a database with tables, and folders with files."""
    found = [name for name in backup.FOLDERS if (home / name).is_dir() and any((home / name).iterdir())]
    if connection.introspection.table_names():
        found.insert(0, "database")
    return found


def _check_database(folder: Path) -> None:
    has = "sqlite" if (folder / backup.SQLITE).exists() else "postgresql"
    if has != connection.vendor:
        remedy = "Unset DATABASE_URL." if has == "sqlite" else "Name a PostgreSQL database in DATABASE_URL."
        raise StartError(f"The backup is of {has}, this platform uses {connection.vendor}. {remedy}")


def _move_aside(home: Path, there: list[str]) -> Path | None:
    if not there:
        return None
    aside = home / f"before-restore-{time.strftime('%Y%m%d-%H%M%S')}"
    aside.mkdir(mode=0o700)
    database = [path.name for path in home.glob(f"{backup.SQLITE}*")] if "database" in there else []
    for name in [*database, *backup.FOLDERS, backup.SECRET]:
        if (home / name).exists():
            (home / name).rename(aside / name)
    return aside


def _make_way(path: Path) -> None:
    """Remove what a start of the platform leaves without any data: an empty folder, a fresh key or database."""
    if path.is_dir():
        path.rmdir()
    else:
        for part in path.parent.glob(f"{path.name}*"):  # with the journals of an empty database
            part.unlink()
