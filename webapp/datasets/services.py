"""What can be done with uploaded data sets."""

import re
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from engine.core.errors import Problem, SpecError
from engine.data.uploads import upload_kinds
from webapp import broker
from webapp.datasets import checking, receiving
from webapp.datasets.disposal import discard, purge, put_back
from webapp.datasets.models import Upload, UploadState
from webapp.experiments.states import Conflict
from webapp.experiments.submission import require
from webapp.library.services import VersionConflict
from webapp.teams.models import Role, Team, User
from webapp.teams.trail import record

__all__ = ["Announcement", "Words", "announce", "complete", "discard", "purge", "put_back", "put_part", "reword"]

MAX_NAME = 120
MAX_LICENSE = 200
MAX_CITATION = 4000
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Words:
    """What people say about a data set.

    Attributes:
        name: what they call it.
        license: under which terms it may be used.
        citation: who is to be named for it.
    """

    name: str
    license: str = ""
    citation: str = ""

    def stripped(self) -> dict[str, str]:
        """The words as they are kept."""
        return {"name": self.name.strip(), "license": self.license.strip(), "citation": self.citation.strip()}


@dataclass(frozen=True)
class Announcement:
    """What somebody is about to upload.

    Attributes:
        name: what people call it.
        kind: which data set of the engine reads it.
        sha256: of the whole file.
        size_bytes: of the whole file.
        license: under which terms it may be used.
        citation: who is to be named for it.
    """

    name: str
    kind: str
    sha256: str
    size_bytes: int
    license: str = ""
    citation: str = ""

    @property
    def words(self) -> Words:
        """What of it can be changed later."""
        return Words(self.name, self.license, self.citation)


def announce(team: Team, user: User, wish: Announcement) -> Upload:
    """Begin an upload, or find the one of the same file and kind that the team began or finished before.

    One that is in the trash comes back from there.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: all that is wrong with what is announced.
    """
    require(user, team, Role.EDITOR)
    _drop_abandoned()
    problems = [*_wrong_words(wish.words), *_wrong_file(team, wish)]
    if problems:
        raise SpecError(problems)
    facts = {**wish.words.stripped(), "size_bytes": wish.size_bytes}
    with transaction.atomic():
        upload, is_new = Upload.everything.get_or_create(
            team=team, sha256=wish.sha256, kind=wish.kind, defaults={**facts, "created_by": user}
        )
        if upload.trashed_at is not None:
            put_back(upload, user)
            upload.refresh_from_db()
        if not is_new and upload.state in {UploadState.RECEIVING, UploadState.REFUSED}:
            for name, value in facts.items():
                setattr(upload, name, value)
            upload.state, upload.problems = UploadState.RECEIVING, []
            upload.save()
    return upload


def put_part(upload: Upload, user: User, number: int, data: bytes, sha256: str = "") -> None:
    """Take in a part.

    Raises:
        PermissionDenied: the user is no editor of the team.
        Conflict: the upload is complete already.
        SpecError: the part is not what it should be.
    """
    require(user, upload.team, Role.EDITOR)
    if upload.state != UploadState.RECEIVING:
        raise Conflict(f"this upload takes no more parts: it is {upload.get_state_display().lower()}")
    receiving.write_part(upload, number, data, sha256)


def complete(upload: Upload, user: User) -> Upload:
    """Have the file looked through once all parts are there; asked again, it tells how that went.

    Small files are looked through at once, others by a worker; the state of what is returned says which.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: parts are missing, or the file was refused; then nothing of it is kept.
    """
    require(user, upload.team, Role.EDITOR)
    if upload.state == UploadState.RECEIVING:
        _begin_check(upload, user)
    elif upload.state == UploadState.CHECKING and _is_overdue(upload):
        _send(upload)
    upload.refresh_from_db()
    if upload.state == UploadState.REFUSED:
        problems = [Problem(**problem) for problem in upload.problems]
        upload.delete()
        raise SpecError(problems)
    return upload


def reword(upload: Upload, user: User, words: Words, *, expected_version: int | None = None) -> Upload:
    """Change what people say about a data set: name, license and citation. Its version rises by one.

    Raises:
        PermissionDenied: the user is no editor of the team.
        SpecError: all that is wrong with the words.
        VersionConflict: its version is not the expected one (any more).
    """
    require(user, upload.team, Role.EDITOR)
    problems = _wrong_words(words)
    if problems:
        raise SpecError(problems)
    same = Upload.objects.filter(pk=upload.pk)
    if expected_version is not None:
        same = same.filter(version=expected_version)
    with transaction.atomic():
        if same.update(**words.stripped(), version=F("version") + 1) == 0:
            raise VersionConflict(
                f"{upload.name} was changed by somebody else",
                remedy="Read it again and repeat your change on what it is now.",
            )
        upload.refresh_from_db()
        record(upload.team, user, "dataset.edit", upload.name)
    return upload


def _begin_check(upload: Upload, user: User) -> None:
    missing = receiving.missing_parts(upload)
    if missing:
        listed = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
        message = f"{len(missing)} of {receiving.num_parts(upload)} parts are missing: {listed}"
        raise SpecError([Problem("parts", "missing_parts", message)])
    changed = Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVING).update(state=UploadState.CHECKING)
    if not changed:
        return
    record(upload.team, user, "dataset.upload", upload.name)
    if upload.size_bytes <= settings.UPLOAD_INLINE_BYTES or not settings.REDIS_URL:
        checking.check(upload.pk)
    else:
        _send(upload)


def _send(upload: Upload) -> None:
    Upload.objects.filter(pk=upload.pk).update(sent_at=timezone.now())
    broker.send(broker.CHECK_UPLOAD, str(upload.pk))


def _is_overdue(upload: Upload) -> bool:
    limit = timezone.now() - timedelta(seconds=settings.UPLOAD_RESEND_S)
    return upload.sent_at is None or upload.sent_at < limit


def _wrong_words(words: Words) -> list[Problem]:
    limits = {"name": (1, MAX_NAME), "license": (0, MAX_LICENSE), "citation": (0, MAX_CITATION)}
    problems = []
    for path, text in words.stripped().items():
        least, most = limits[path]
        if not least <= len(text) <= most or "\0" in text:
            message = f"the {path} has {least} to {most} characters; given: {len(text)}"
            problems.append(Problem(path, "wrong_length", message))
    return problems


def _wrong_file(team: Team, wish: Announcement) -> list[Problem]:
    problems = []
    if wish.kind not in upload_kinds():
        message = f"an upload is one of {', '.join(upload_kinds())}; given: {wish.kind!r}"
        problems.append(Problem("kind", "unknown_kind", message))
    if not _SHA256.fullmatch(wish.sha256):
        message = "the checksum of the file is its SHA-256 as 64 lower-case hex digits"
        problems.append(Problem("sha256", "wrong_format", message))
    if not 1 <= wish.size_bytes <= settings.UPLOAD_FILE_BYTES:
        message = f"a file has 1 to {settings.UPLOAD_FILE_BYTES:,} bytes; given: {wish.size_bytes:,}"
        problems.append(Problem("size_bytes", "too_large" if wish.size_bytes > 0 else "out_of_range", message))
    return problems or _no_room(team, wish)


def _no_room(team: Team, wish: Announcement) -> list[Problem]:
    others: dict[str, Any] = Upload.everything.of(team).exclude(sha256=wish.sha256).aggregate(total=Sum("size_bytes"))
    held = others["total"] or 0
    if held + wish.size_bytes > settings.UPLOAD_TEAM_BYTES:
        message = (
            f"the uploads of a team have at most {settings.UPLOAD_TEAM_BYTES:,} bytes; there are {held:,}, and this "
            f"file has {wish.size_bytes:,}. Delete a data set that you need no longer, then delete it for good "
            "in the trash"
        )
        return [Problem("size_bytes", "quota", message)]
    folder = Path(settings.UPLOADS_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < wish.size_bytes + settings.UPLOAD_RESERVE_BYTES:
        return [
            Problem("size_bytes", "disk_full", f"the platform's disk has {free:,} bytes left, too few for this file")
        ]
    return []


def _drop_abandoned() -> None:
    """Forget uploads that were begun or refused long ago and that nobody came back for."""
    limit = timezone.now() - timedelta(seconds=settings.UPLOAD_KEEP_S)
    stale = Upload.objects.filter(state__in=[UploadState.RECEIVING, UploadState.REFUSED], created_at__lt=limit)
    for upload in stale[:20]:
        receiving.discard(upload)
        upload.delete()
