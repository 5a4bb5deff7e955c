"""The contract of metadata: what the owner of a model hands out instead of data."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.data.dataset import Split
from engine.datafree.spread import Spread
from engine.models.graph import Graph

if TYPE_CHECKING:
    from engine.datafree.views import TeacherView

Tensors = Mapping[str, np.ndarray]
"""Arrays by name."""

Layout = Mapping[str, tuple[tuple[int, ...], type[np.generic]]]
"""Shape and type of arrays by name."""

NO_GUARANTEE = "no formal guarantee"


class Metadata(Component):
    """What a model's owner collects once from the private data, so that others need no data.

    :meth:`collect` is the only place of the whole way that reads private samples for synthesis. What it returns has
    the layout that :meth:`layout` tells in advance, so that the size of the file is known before any training.
    """

    leaks: ClassVar[str]
    """What the file can tell about the private samples, as a plain sentence."""

    reads_data: ClassVar[bool] = True
    """Whether private samples are read at all."""

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
        from engine.datafree.metadata_file import packed_bytes

        return packed_bytes(self, graph)


metadata: Registry[Metadata] = Registry("metadata", "engine.datafree.metadata_kinds", Metadata, title="Metadata")
"""All kinds of metadata."""
