"""The contract of metadata: what the owner of a model hands out instead of data."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from typing_extensions import override

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.data.dataset import Split
from engine.datafree.owner.spread import Spread
from engine.models.graph import Graph
from engine.task.context import ArtifactResolver

if TYPE_CHECKING:
    from engine.datafree.images.views import TeacherView

Tensors = Mapping[str, np.ndarray]
"""Arrays by name."""

Layout = Mapping[str, tuple[tuple[int, ...], type[np.generic]]]
"""Shape and type of arrays by name."""

NO_GUARANTEE = "no formal guarantee"


@dataclass(frozen=True)
class Subject:
    """What metadata must belong to.

    Attributes:
        graph: the teacher's network.
        num_samples: private samples that there are.
        weights: the teacher's file; None for one that is trained in the run.
        artifacts: finds files by their hash.
    """

    graph: Graph
    num_samples: int
    weights: Path | None
    artifacts: ArtifactResolver


class Metadata(Component):
    """What stands for the private data: collected in the run, or a file that was handed out before.

    Whichever it is, :meth:`method` says how it was collected, and that decides which synthesizers can work with it.
    """

    is_headless_only: ClassVar[bool] = False
    """Whether it names a file of this machine, which only a run without a server may."""

    def uploads(self) -> tuple[str, ...]:
        """SHA-256 of the artifacts or uploads that it is read from."""
        return ()

    @abstractmethod
    def method(self, artifacts: ArtifactResolver) -> "CollectedMetadata":
        """How it is collected, or was.

        Raises:
            EngineError: it is a file that cannot be read.
        """

    @abstractmethod
    def problems(self, subject: Subject) -> list[Problem]:
        """Why there is no such metadata of this teacher; paths are relative to the metadata."""

    def content_sha256(self) -> str | None:
        """SHA-256 of a file that it names by its path, for two files of one name are two experiments; else None."""
        return None


class CollectedMetadata(Metadata):
    """What a model's owner collects once from the private data, so that others need no data.

    :meth:`collect` is the only place of the whole way that reads private samples for synthesis. What it returns has
    the layout that :meth:`layout` tells in advance, so that the size of the file is known before any training.
    """

    leaks: ClassVar[str]
    """What the file can tell about the private samples, as a plain sentence."""

    reads_data: ClassVar[bool] = True
    """Whether private samples are read at all."""

    hands_out: ClassVar[bool] = True
    """Whether there is anything to hand out."""

    @override
    def method(self, artifacts: ArtifactResolver) -> "CollectedMetadata":
        return self

    @override
    def problems(self, subject: Subject) -> list[Problem]:
        return self.check(subject.graph, subject.num_samples)

    @abstractmethod
    def collect(self, teacher: "TeacherView", samples: Split, draw: np.random.Generator) -> dict[str, np.ndarray]:
        """The arrays of the file.

        Args:
            teacher: the trained model.
            samples: the private training samples.
            draw: the only source of chance: which samples are read, where clusters begin, noise.
        """

    @abstractmethod
    def layout(self, graph: Graph) -> Layout:
        """Names, shapes and types of what :meth:`collect` returns for such a teacher."""

    def check(self, graph: Graph, num_samples: int) -> list[Problem]:
        """Why nothing can be collected from such a teacher and so many samples; paths are relative to the metadata."""
        return []

    def spread(self, tensors: Tensors) -> Spread | None:
        """Centers of activations and how they scatter, of a file's arrays; None for kinds that hold none."""
        return None

    def epsilon(self) -> float | None:
        """Epsilon of the release at the delta that the member's noise states; None without a formal guarantee."""
        return None

    def guarantee(self) -> str:
        """What is promised to each private sample, as words; the weights themselves are another matter."""
        return NO_GUARANTEE

    def expected_bytes(self, graph: Graph) -> int:
        """Size of the packed file in bytes, header included, for such a teacher."""
        from engine.datafree.owner.metadata_file import packed_bytes

        return packed_bytes(self, graph)


metadata: Registry[Metadata] = Registry("metadata", "engine.datafree.metadata_kinds", Metadata, title="Metadata")
"""All kinds of metadata."""
