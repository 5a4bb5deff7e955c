"""The jobs that workers take from the broker, by the names under which they are sent."""

import os
from uuid import UUID

from celery import Task

from webapp import broker
from webapp.trash import cleaning
from workers import helping, previews, reaper
from workers.app import app
from workers.driver import drive


@app.task(name=broker.EXECUTE, bind=True)
def execute(self: "Task[[str], None]", run_id: str) -> None:
    """Carry out a run."""
    helping.forget()
    drive(UUID(run_id), job_id=self.request.id or "", owner=f"{self.request.hostname}:{os.getpid()}")


@app.task(name=broker.SHARD, bind=True)
def shard(self: "Task[[str], None]", run_id: str) -> None:
    """Help with a run."""
    helping.help_run(UUID(run_id), owner=f"{self.request.hostname}:{os.getpid()}")


@app.task(name=broker.SWEEP)
def sweep() -> None:
    """Look for lost messages and lost workers."""
    reaper.sweep()


@app.task(name=broker.CLEAN)
def clean() -> None:
    """Empty the trash of what is overdue and clean the disk."""
    cleaning.clean()


@app.task(name=broker.CHECK_UPLOAD)
def check_upload(upload_id: str) -> None:
    """Look through an uploaded data set."""
    previews.check_upload(UUID(upload_id))


@app.task(name=broker.MAKE_PREVIEW)
def make_preview(digest: str) -> None:
    """Make a preview that a page waits for."""
    previews.make_preview(digest)
