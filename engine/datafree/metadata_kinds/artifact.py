"""Metadata of an earlier run or an upload."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.datafree.metadata import metadata
from engine.datafree.owner.stored_metadata import StoredMetadata
from engine.task.context import ArtifactResolver


@metadata.register
class ArtifactMetadata(StoredMetadata):
    """A metadata file that an earlier run handed out, or that somebody uploaded; no private sample is read for it.

    It fits the teacher that it was collected with and no other, so that one is named as a file or artifact as well.
    """

    source: ClassVar[str] = "This platform: docs/reference/metadata.md"
    place: ClassVar[str] = "sha256"
    kind: Literal["artifact"] = "artifact"
    """Metadata that was handed out before."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the file, 64 hexadecimal digits: the name under which the platform keeps it."""

    @override
    def uploads(self) -> tuple[str, ...]:
        return (self.sha256,)

    @override
    def path_in(self, artifacts: ArtifactResolver) -> Path:
        return artifacts.path(self.sha256)
