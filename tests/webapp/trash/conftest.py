"""People, an experiment whose run is done and has files, and clients."""

import os
import time
from pathlib import Path

import pytest
from django.conf import settings

from tests.webapp.people import People
from tests.webapp.rows import add_batch, make_run, metrics
from webapp.experiments import files
from webapp.experiments.models import Artifact, Run, RunState

LONG_AGO_S = 100 * 86_400.0


@pytest.fixture
def run(people: People) -> Run:
    """A done run with a log, a file in the store and a folder of checkpoints."""
    made = make_run(people.team, RunState.DONE)
    add_batch(made, [metrics(1, 1, accuracy=0.5)])
    sha256 = files.keep(f"weights of {made.pk}".encode())
    make_old(Path(settings.ARTIFACTS_FOLDER) / sha256)
    Artifact.objects.create(
        team=people.team, run=made, sha256=sha256, name="w.bin", media_type="x/y", size_bytes=9, path=sha256
    )
    folder_of(made).mkdir(parents=True)
    return made


def make_old(path: Path, age_s: float = LONG_AGO_S) -> None:
    """Set a file's time back."""
    then = time.time() - age_s
    os.utime(path, (then, then))


def folder_of(run: Run) -> Path:
    """Where the run's checkpoints lie."""
    return Path(settings.RUNS_FOLDER) / str(run.pk)


def file_of(run: Run) -> Path:
    """The file of the run's artifact."""
    return Path(settings.ARTIFACTS_FOLDER) / Artifact.everything.get(run=run).sha256
