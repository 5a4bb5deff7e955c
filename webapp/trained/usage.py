"""Who uses trained models as teachers, and who may."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from engine.core.errors import Problem
from engine.datafree.teacher import Teacher, teachers
from engine.specs.checks import components
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import cells
from webapp.experiments.models import Artifact, Experiment
from webapp.teams.models import Team
from webapp.trained.gathering import gather
from webapp.trained.models import ModelState, TrainedModel

NO_PATHS = (
    "the platform reads no file by its path; upload the weights on the page Models, then name them by "
    "{kind: artifact, sha256: ...}. Only ./edgeloom run takes a path"
)
"""What is said of a teacher that names a file of this machine."""

_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


def models_of(team: Team) -> Sequence[TrainedModel]:
    """The models that the team can use now, newest first."""
    gather(Artifact.objects.of(team))
    rows = TrainedModel.objects.of(team).filter(state=ModelState.READY)
    return list(rows.select_related("artifact__run__cell__experiment", "created_by"))


def model_by_id(team: Team, key: str) -> TrainedModel | None:
    """A model that the team can use now, by the id of its page; None if there is none."""
    try:
        return TrainedModel.objects.of(team).filter(pk=UUID(key), state=ModelState.READY).first()
    except ValueError:
        return None


def model_of(team: Team, sha256: str) -> TrainedModel | None:
    """A model that the team can use now, by the hash of its file; None if there is none."""
    if not is_of(team, sha256):
        return None
    return TrainedModel.objects.of(team).filter(sha256=sha256, state=ModelState.READY).first()


def experiments_using(row: TrainedModel) -> list[Experiment]:
    """The team's experiments whose specs name the file, newest first; also from the trash, since they may return."""
    if not row.sha256:
        return []
    return list(Experiment.everything.of(row.team).filter(text__contains=row.sha256).order_by("-created_at"))


def foreign_models(spec: ExperimentSpec, team: Team) -> list[Problem]:
    """A problem for each teacher in a spec, or in a cell of its sweep, that the platform may not or cannot take."""
    # Only a sweep that names teachers can bring in one that the spec itself does not name.
    specs = [cell.spec for cell in cells(spec)] if "teacher" in str(spec.sweep or "") else [spec]
    teachers = {path: teacher for one in specs for path, teacher in components(one, Teacher)}
    found = [problem for path, teacher in teachers.items() for problem in foreign_teacher(path, teacher, team)]
    return list(dict.fromkeys(found))


def headless_only(tree: Any) -> list[Problem]:
    """A problem for each teacher of a plain tree that names a file of this machine, before anything looks at that file.

    What a sweep would put together to such a teacher counts as well.
    """
    kinds = {kind for kind, member in teachers.members().items() if member.is_headless_only}
    return [Problem(path, "headless_only", NO_PATHS) for path in _paths_of_files(tree, "", kinds)]


def _paths_of_files(tree: Any, path: str, kinds: set[str]) -> Iterator[str]:
    if isinstance(tree, dict):
        if "path" in tree and tree.get("kind") in kinds:
            yield path
        for name, value in tree.items():
            inner = f"{path}.{name}" if path else str(name)
            if inner.startswith("sweep.") and inner.endswith("teacher.path"):
                yield inner
            yield from _paths_of_files(value, inner, kinds)
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _paths_of_files(value, f"{path}.{number}", kinds)


def foreign_teacher(path: str, teacher: Teacher, team: Team) -> list[Problem]:
    """Why the platform may not or cannot take a teacher for a team; nothing if it can."""
    if teacher.is_headless_only:
        return [Problem(path, "headless_only", NO_PATHS)]
    return [_foreign(f"{path}.sha256", sha256, team) for sha256 in teacher.uploads() if not is_of(team, sha256)]


def _foreign(path: str, sha256: str, team: Team) -> Problem:
    if TrainedModel.everything.of(team).filter(sha256=sha256).exists():
        return Problem(
            path, "model_in_trash", "this model is in the trash; bring it, or its experiment, back to use it"
        )
    message = f"the team has no model {sha256}; allowed are those on the page Models"
    return Problem(path, "unknown_model", message)


def is_of(team: Team, sha256: str) -> bool:
    """Whether the team has that model, outside the trash."""
    rows = TrainedModel.objects.of(team).filter(sha256=sha256, state=ModelState.READY)
    if rows.exists():
        return True
    gather(Artifact.objects.of(team).filter(sha256=sha256))
    return rows.exists()


def models_in_trash(team: Team, text: str) -> list[TrainedModel]:
    """Models in the trash that a spec's text names."""
    hashes = set(_SHA256.findall(text))
    if not hashes:
        return []
    rows = TrainedModel.everything.of(team).filter(sha256__in=hashes, trashed_at__isnull=False)
    return [row for row in rows if not is_of(team, row.sha256)]
