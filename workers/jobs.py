"""The jobs that workers take from the broker, by the names under which they are sent."""

import os
from uuid import UUID

from celery import Task

from webapp import broker
from workers import reaper
from workers.app import app
from workers.driver import drive


@app.task(name=broker.EXECUTE, bind=True)
def execute(self: "Task[[str], None]", run_id: str) -> None:
    """Carry out a run."""
    drive(UUID(run_id), job_id=self.request.id or "", owner=f"{self.request.hostname}:{os.getpid()}")


@app.task(name=broker.SWEEP)
def sweep() -> None:
    """Look for lost messages and lost workers."""
    reaper.sweep()
