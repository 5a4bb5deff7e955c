"""A teacher from an earlier run or an upload."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.errors import DataUnavailable, Problem
from engine.core.sample import SampleSpec
from engine.datafree.stored_teacher import stored_graph, stored_problems
from engine.datafree.teacher import Teacher, teachers
from engine.models.graph import Graph
from engine.task.context import ArtifactResolver


@teachers.register
class ArtifactTeacher(Teacher):
    """A trained model that an earlier run left, or that somebody uploaded: a file of weights with its card."""

    source: ClassVar[str] = "This platform: docs/reference/run-folder.md"
    kind: Literal["artifact"] = "artifact"
    """A trained model of the platform."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the file, 64 hexadecimal digits: the name under which the platform keeps it."""

    @override
    def uploads(self) -> tuple[str, ...]:
        return (self.sha256,)

    @override
    def check(self, sample: SampleSpec, artifacts: ArtifactResolver) -> list[Problem]:
        try:
            return stored_problems(artifacts.path(self.sha256), sample, "sha256")
        except DataUnavailable as error:
            return [Problem("sha256", error.code, f"{error} {error.remedy}".rstrip())]

    @override
    def graph(self, sample: SampleSpec, artifacts: ArtifactResolver) -> Graph:
        return stored_graph(artifacts.path(self.sha256), sample)

    @override
    def path_in(self, artifacts: ArtifactResolver) -> Path:
        return artifacts.path(self.sha256)
