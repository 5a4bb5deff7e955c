"""The contract of teachers: where the trained model comes from that is to be deployed."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.task.context import ArtifactResolver


class Teacher(Component):
    """Where the trained model comes from: it is trained within the run, or there already."""

    is_headless_only: ClassVar[bool] = False
    """Whether it names a file of this machine, which only a run without a server may."""

    def uploads(self) -> tuple[str, ...]:
        """SHA-256 of the artifacts or uploads that it is read from."""
        return ()

    def content_sha256(self) -> str | None:
        """SHA-256 of a file that it names by its path, for two files of one name are two experiments; else None."""
        return None

    @abstractmethod
    def check(self, sample: SampleSpec, artifacts: ArtifactResolver) -> list[Problem]:
        """Why it is no teacher for such samples; paths relative to the teacher. Reads no weights."""

    @abstractmethod
    def graph(self, sample: SampleSpec, artifacts: ArtifactResolver) -> Graph:
        """Its network, read from no more than a file's header.

        Raises:
            EngineError: it has none that fits; :meth:`check` says why.
        """

    def path_in(self, artifacts: ArtifactResolver) -> Path | None:
        """Its file; None for a teacher that is trained.

        Raises:
            DataUnavailable: the file is not there.
        """
        return None


teachers: Registry[Teacher] = Registry("teachers", "engine.datafree.teachers", Teacher, title="Teacher")
"""All ways to come by a teacher."""
