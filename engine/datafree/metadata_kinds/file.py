"""Metadata from a file of this machine."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.errors import DataUnavailable
from engine.datafree.metadata import metadata
from engine.datafree.owner.stored_metadata import StoredMetadata
from engine.datafree.stored_weights import content_digest
from engine.task.context import ArtifactResolver


@metadata.register
class FileMetadata(StoredMetadata):
    """A metadata file of this machine that an earlier run handed out; only for runs without a server."""

    source: ClassVar[str] = "This platform: docs/reference/metadata.md"
    is_headless_only: ClassVar[bool] = True
    place: ClassVar[str] = "path"
    kind: Literal["file"] = "file"
    """A file of this machine."""

    path: Annotated[str, Field(min_length=1, max_length=4096)]
    """Where the file lies, such as ``artifacts/metadata.safetensors`` in the folder of an earlier run."""

    @override
    def content_sha256(self) -> str:
        return content_digest(Path(self.path))

    @override
    def path_in(self, artifacts: ArtifactResolver) -> Path:
        if not Path(self.path).is_file():
            raise DataUnavailable(f"There is no file {self.path}.", remedy="Name the file of metadata.")
        return Path(self.path)
