"""Interactive jobs: previews that a page waits for, and uploads to be looked through."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.core.errors import Problem
from webapp.datasets import checking
from webapp.datasets.models import Upload
from webapp.previews import services
from workers.driver import attempt


def make_preview(digest: str) -> None:
    """Make a preview and keep it, or keep why that failed."""
    attempt(lambda: services.make_asked(digest), lambda failure: services.note_failure(digest, failure))


def check_upload(upload_id: UUID) -> None:
    """Look through an upload; whatever goes wrong refuses it."""

    def refuse(failure: Mapping[str, Any]) -> None:
        for upload in Upload.objects.filter(pk=upload_id):
            checking.refuse(upload, (Problem("", str(failure["code"]), str(failure["message"])),))

    attempt(lambda: checking.check(upload_id), refuse)
