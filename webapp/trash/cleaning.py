"""The clean-up that the clock calls: what is overdue in the trash, and files and rows that nothing needs any more."""

import logging
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from webapp.api.models import KEPT_FOR, IdempotentAnswer
from webapp.experiments import files
from webapp.experiments.models import Run, RunState
from webapp.experiments.states import Conflict
from webapp.teams.models import SignInLink
from webapp.trash import items

logger = logging.getLogger(__name__)

_HASH = re.compile(r"[0-9a-f]{64}")
_DRAFT = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]+")
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Cleaned:
    """How much one clean-up removed."""

    num_items: int
    num_artifacts: int
    num_run_folders: int
    num_rows: int


def clean(now: datetime | None = None) -> Cleaned:
    """Empty the trash of what is overdue and remove what nothing needs; safe to call at any time and by several."""
    now = now or timezone.now()
    done = Cleaned(
        num_items=sum(_purge(entry) for entry in items.overdue(now)),
        num_artifacts=_clean_artifacts(Path(settings.ARTIFACTS_FOLDER)),
        num_run_folders=_clean_run_folders(Path(settings.RUNS_FOLDER)),
        num_rows=_clean_rows(now),
    )
    logger.info("cleaned up: %s", done)
    return done


def _purge(entry: items.Entry) -> bool:
    """Delete for good what is overdue; a data set that an experiment names waits for that experiment."""
    try:
        items.purge(entry, None)
    except Conflict as error:
        logger.info("stays in the trash: %s", error)
        return False
    return True


def _clean_artifacts(folder: Path) -> int:
    """Files that no row names: a worker or a purge ended between file and row. Uploads and young files stay."""
    count = 0
    limit = time.time() - settings.TRASH_DAYS * _DAY_S
    for path in _files(folder):
        age = path.stat().st_mtime
        if _DRAFT.fullmatch(path.name) and age < time.time() - _DAY_S:
            path.unlink(missing_ok=True)
            count += 1
        elif _HASH.fullmatch(path.name) and age < limit and not _is_upload(path):
            count += files.drop_unused([path.name])
    return count


def _is_upload(path: Path) -> bool:
    """Whether its facts lie beside it, as they do for uploads, which a spec may name without any row."""
    return any(path.parent.glob(f"{path.name}.*.json"))


def _clean_run_folders(folder: Path) -> int:
    """Checkpoints of runs that are gone or done; a failed or cancelled run can be resumed, so it keeps its own."""
    found = {place.name: place for place in _folders(folder) if _is_id(place.name)}
    kept = Run.everything.filter(pk__in=list(found)).exclude(state=RunState.DONE).values_list("pk", flat=True)
    needless = found.keys() - {str(pk) for pk in kept}
    for name in needless:
        shutil.rmtree(found[name], ignore_errors=True)
    return len(needless)


def _clean_rows(now: datetime) -> int:
    """Sessions that ended, answers kept for repetition, and links to sign in that expired."""
    call_command("clearsessions")
    answers, _ = IdempotentAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    links, _ = SignInLink.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
    return answers + links


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else iter(())


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else iter(())


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
