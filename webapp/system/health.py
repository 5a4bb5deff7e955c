"""Whether the platform can do its work at this moment."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from webapp.system.broker import answers

LEAST_FREE_BYTES = 200_000_000


@dataclass(frozen=True)
class Finding:
    """The answer of one check.

    Attributes:
        name: what was looked at.
        problem: what is wrong with it; empty if nothing is.
    """

    name: str
    problem: str

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem


def findings() -> list[Finding]:
    """All checks, each done anew."""
    return [
        Finding("database", _database_problem()),
        Finding("broker", _broker_problem()),
        Finding("folder", _folder_problem(Path(settings.EDGELOOM_HOME))),
    ]


def _database_problem() -> str:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "it does not answer"
    return f"{len(waiting)} migrations are not applied" if waiting else ""


def _broker_problem() -> str:
    if not settings.REDIS_URL:
        return "REDIS_URL is not set, so no job is sent"
    return "" if answers(settings.REDIS_URL) else "it does not answer"


def _folder_problem(folder: Path) -> str:
    if not os.access(folder, os.W_OK):
        return "it cannot be written"
    free = shutil.disk_usage(folder).free
    return "" if free >= LEAST_FREE_BYTES else f"only {free // 1_000_000} MB are free"
