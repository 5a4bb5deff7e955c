"""A teacher from a file of this machine."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.errors import DataUnavailable, Problem
from engine.core.sample import SampleSpec
from engine.datafree.stored_teacher import stored_graph, stored_problems
from engine.datafree.stored_weights import content_digest
from engine.datafree.teacher import Teacher, teachers
from engine.models.graph import Graph
from engine.task.context import ArtifactResolver


@teachers.register
class FileTeacher(Teacher):
    """A trained model in a file of this machine, with its card; only for runs without a server."""

    source: ClassVar[str] = "This platform: docs/reference/run-folder.md"
    is_headless_only: ClassVar[bool] = True
    kind: Literal["file"] = "file"
    """A file of this machine."""

    path: Annotated[str, Field(min_length=1, max_length=4096)]
    """Where the file lies, such as ``artifacts/model.safetensors`` in the folder of an earlier run."""

    @override
    def content_sha256(self) -> str:
        return content_digest(Path(self.path))

    @override
    def check(self, sample: SampleSpec, artifacts: ArtifactResolver) -> list[Problem]:
        try:
            return stored_problems(self.path_in(artifacts), sample, "path")
        except DataUnavailable as error:
            return [Problem("path", error.code, f"{error} {error.remedy}")]
        except OSError as error:
            return [Problem("path", "data_unavailable", f"the file cannot be read: {error.strerror}")]

    @override
    def graph(self, sample: SampleSpec, artifacts: ArtifactResolver) -> Graph:
        return stored_graph(self.path_in(artifacts), sample)

    @override
    def path_in(self, artifacts: ArtifactResolver) -> Path:
        if not Path(self.path).is_file():
            raise DataUnavailable(f"There is no file {self.path}.", remedy="Name the file of a trained model.")
        return Path(self.path)
