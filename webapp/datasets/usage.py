"""Who uses uploaded data sets, who may, and what remains of one that nobody has any more."""

import re
from collections.abc import Iterable

from engine.core.errors import Problem
from engine.data.dataset import Dataset
from engine.data.store import DataStore
from engine.data.uploads import remove
from engine.specs.checks import components
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import cells
from webapp.datasets.models import Upload, UploadState
from webapp.experiments.models import Artifact, Experiment
from webapp.library.models import Task
from webapp.previews import cache
from webapp.teams.models import Team

_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


def experiments_using(upload: Upload) -> list[Experiment]:
    """The team's experiments whose specs name the file, newest first; also from the trash, since they may return."""
    return list(Experiment.everything.of(upload.team).filter(text__contains=upload.sha256).order_by("-created_at"))


def tasks_using(upload: Upload) -> list[Task]:
    """The team's saved tasks that name the file."""
    return [task for task in Task.everything.of(upload.team) if upload.sha256 in str(task.body)]


def foreign_uploads(spec: ExperimentSpec, team: Team) -> list[Problem]:
    """A problem for each upload in a spec, or in a cell of its sweep, that is none of the team's."""
    # Only a sweep that names a hash can bring in an upload that the spec itself does not name.
    specs = [cell.spec for cell in cells(spec)] if _SHA256.search(str(spec.sweep or "")) else [spec]
    named = dict.fromkeys(
        (path, sha256) for one in specs for path, dataset in components(one, Dataset) for sha256 in dataset.uploads()
    )
    return [foreign_upload(f"{path}.sha256", sha256, team) for path, sha256 in named if not is_of(team, sha256)]


def foreign_upload(path: str, sha256: str, team: Team) -> Problem:
    """The problem of a spec that names an upload which the team does not have, or has in the trash."""
    lost = in_trash(team, [sha256])
    if lost:
        message = f"the data set {lost[0].name} is in the trash; bring it back from there to use it"
        return Problem(path, "upload_in_trash", message)
    message = f"the team has no upload {sha256}; allowed are those on the page Data sets"
    return Problem(path, "unknown_upload", message)


def in_trash(team: Team, hashes: Iterable[str]) -> list[Upload]:
    """The team's data sets in the trash that have one of these files."""
    rows = Upload.everything.of(team).filter(sha256__in=list(hashes), trashed_at__isnull=False)
    return [upload for upload in rows.order_by("name") if not is_of(team, upload.sha256)]


def named_in_trash(team: Team, text: str) -> list[Upload]:
    """The data sets in the trash that a spec's text names."""
    hashes = set(_SHA256.findall(text))
    return in_trash(team, hashes) if hashes else []


def is_of(team: Team, sha256: str) -> bool:
    """Whether the team has uploaded that file."""
    return Upload.objects.of(team).filter(sha256=sha256, state=UploadState.READY).exists()


def forget_file(sha256: str) -> None:
    """Remove the file with all that was made of it, unless another team or a run has it too."""
    if Upload.everything.filter(sha256=sha256).exists() or Artifact.everything.filter(sha256=sha256).exists():
        return
    remove(DataStore.from_environment(), sha256)
    cache.forget(sha256)
