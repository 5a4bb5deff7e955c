"""Who uses trained models as teachers and handed-out metadata, and who may."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from engine.core.errors import Problem
from engine.datafree.metadata import Metadata, metadata
from engine.datafree.teacher import Teacher, teachers
from engine.specs.checks import components
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import cells
from webapp.experiments.models import Artifact, Experiment
from webapp.teams.models import Team
from webapp.trained.gathering import gather
from webapp.trained.models import Content, ModelState, TrainedModel

NO_PATHS = (
    "the platform reads no file by its path; upload it on the page Models, then name it by "
    "{kind: artifact, sha256: ...}. Only ./edgeloom run takes a path"
)
"""What is said of a teacher, or of metadata, that names a file of this machine."""

Named: TypeAlias = Teacher | Metadata
"""What a spec may name by the hash of a file."""

_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


def models_of(team: Team, content: Content = Content.MODEL) -> Sequence[TrainedModel]:
    """The models, or the metadata, that the team can use now, newest first."""
    gather(Artifact.objects.of(team))
    rows = TrainedModel.objects.of(team).filter(state=ModelState.READY, content=content)
    return list(rows.select_related("artifact__run__cell__experiment", "created_by"))


def model_by_id(team: Team, key: str, content: Content = Content.MODEL) -> TrainedModel | None:
    """A model, or metadata, that the team can use now, by the id of its page; None if there is none."""
    try:
        rows = TrainedModel.objects.of(team).filter(pk=UUID(key), state=ModelState.READY, content=content)
        return rows.select_related("artifact").first()
    except ValueError:
        return None


def model_of(team: Team, sha256: str) -> TrainedModel | None:
    """A model that the team can use now, by the hash of its file; None if there is none."""
    if not is_of(team, sha256, Content.MODEL):
        return None
    rows = TrainedModel.objects.of(team).filter(sha256=sha256, state=ModelState.READY, content=Content.MODEL)
    return rows.first()


def collected_with(row: TrainedModel) -> TrainedModel | None:
    """The teacher that a run left beside its metadata; None if it is not there."""
    if row.artifact is None:
        return None
    name = f"{row.artifact.name.rpartition('/')[0]}/teacher.safetensors".lstrip("/")
    beside = TrainedModel.objects.of(row.team).filter(artifact__run=row.artifact.run_id, artifact__name=name)
    return beside.filter(content=Content.MODEL).first()


def experiments_using(row: TrainedModel) -> list[Experiment]:
    """The team's experiments whose specs name the file, newest first; also from the trash, since they may return."""
    if not row.sha256:
        return []
    return list(Experiment.everything.of(row.team).filter(text__contains=row.sha256).order_by("-created_at"))


def foreign_models(spec: ExperimentSpec, team: Team) -> list[Problem]:
    """A problem for each teacher and metadata in a spec, or in a cell of its sweep, that the platform may not or cannot
    take.
    """
    # Only a sweep that names such parts can bring in one that the spec itself does not name.
    is_swept = any(word in str(spec.sweep or "") for word in ("teacher", "metadata"))
    specs = [cell.spec for cell in cells(spec)] if is_swept else [spec]
    named: list[tuple[str, Named]] = [found for one in specs for found in components(one, Teacher)]
    named += [found for one in specs for found in components(one, Metadata)]
    problems = [problem for path, part in named for problem in foreign_part(path, part, team)]
    return list(dict.fromkeys(problems))


def headless_only(tree: Any) -> list[Problem]:
    """A problem for each teacher or metadata of a plain tree that names a file of this machine, before anything looks
    at that file.

    What a sweep would put together to such a part counts as well.
    """
    members: list[tuple[str, type[Named]]] = [*teachers.members().items(), *metadata.members().items()]
    kinds = {kind for kind, member in members if member.is_headless_only}
    return [Problem(path, "headless_only", NO_PATHS) for path in _paths_of_files(tree, "", kinds)]


def _paths_of_files(tree: Any, path: str, kinds: set[str]) -> Iterator[str]:
    if isinstance(tree, dict):
        if "path" in tree and tree.get("kind") in kinds:
            yield path
        for name, value in tree.items():
            inner = f"{path}.{name}" if path else str(name)
            if inner.startswith("sweep.") and inner.endswith(("teacher.path", "metadata.path")):
                yield inner
            yield from _paths_of_files(value, inner, kinds)
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _paths_of_files(value, f"{path}.{number}", kinds)


def foreign_part(path: str, part: Named, team: Team) -> list[Problem]:
    """Why the platform may not or cannot take a teacher or metadata for a team; nothing if it can."""
    if part.is_headless_only:
        return [Problem(path, "headless_only", NO_PATHS)]
    content = Content.MODEL if isinstance(part, Teacher) else Content.METADATA
    return [
        _foreign(f"{path}.sha256", sha256, team, content)
        for sha256 in part.uploads()
        if not is_of(team, sha256, content)
    ]


def _foreign(path: str, sha256: str, team: Team, content: Content) -> Problem:
    noun = "model" if content == Content.MODEL else "metadata"
    if TrainedModel.everything.of(team).filter(sha256=sha256, content=content).exists():
        return Problem(
            path, "model_in_trash", f"this {noun} is in the trash; bring it, or its experiment, back to use it"
        )
    message = f"the team has no {noun} {sha256}; allowed is what stands on the page Models"
    return Problem(path, "unknown_model", message)


def is_of(team: Team, sha256: str, content: Content | None = None) -> bool:
    """Whether the team has that model or metadata, outside the trash."""
    rows = TrainedModel.objects.of(team).filter(sha256=sha256, state=ModelState.READY)
    if content is not None:
        rows = rows.filter(content=content)
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
