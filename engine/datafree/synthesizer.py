"""The contract of synthesizers: how images are made without data, in steps that can be cut anywhere."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.datafree.metadata import CollectedMetadata
from engine.models.graph import Graph
from engine.models.layers import BatchNorm2d
from engine.models.profile import Profile

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView

FORWARD_BACKWARD = 2.0
"""Multiply-accumulates of a pass that is differentiated by its input, over those of the forward pass: weights have no
gradient, so the pass back costs as much as the pass forward."""


@dataclass(frozen=True)
class Finished:
    """A finished batch.

    Attributes:
        images: (B, C, H, W) float32, standardized, within the valid range of the data set.
        labels: (B,) int64, what each image was made to show.
        kept: what the next batch begins with, by name.
    """

    images: "Tensor"
    labels: "Tensor"
    kept: Mapping[str, "Tensor"] = field(default_factory=dict)


class Synthesizer(Component):
    """A way to make images from a trained model.

    A batch is begun, advanced in chunks of steps, and finished. All that changes stands in named working tensors, and
    every random number comes from a stream that is named by batch and step: so a chunk is a pure function, and where
    the chunks are cut does not change a bit of the images.
    """

    metadata_kinds: ClassVar[frozenset[str]] = frozenset({"none"})
    """Kinds of metadata that it can work with; ``none`` among them means that it can do without."""

    ignores_metadata: ClassVar[bool] = False
    """Whether metadata of any kind may be there, since it reads none."""

    is_interleaved: ClassVar[bool] = False
    """Whether each batch is made with the student as it is at that time, so that both are trained in turn."""

    needs_batch_norm: ClassVar[bool] = False
    """Whether the teacher must have BatchNorm layers, whose statistics the images are to meet."""

    batch_size: int = Field(default=100, ge=1, le=2048)
    """Images that are made at once."""

    @property
    def matches_batch_norm(self) -> bool:
        """The same as :attr:`needs_batch_norm` for this component as it is set: a field may decide."""
        return self.needs_batch_norm

    @property
    @abstractmethod
    def steps_per_batch(self) -> int:
        """Optimizer steps that one batch takes; 0 if its images are made without any."""

    @abstractmethod
    def begin(self, view: "SynthesisView", batch: int, kept: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        """The working tensors of a batch before its first step.

        Args:
            view: teacher, metadata and random streams.
            batch: number of the batch, from 0.
            kept: what the batch before left; empty at first.
        """

    def advance(
        self, view: "SynthesisView", working: "Mapping[str, Tensor]", first_step: int, num_steps: int
    ) -> "tuple[dict[str, Tensor], dict[str, float]]":
        """The working tensors after some steps, and the mean of each loss term over them.

        Args:
            view: as in :meth:`begin`.
            working: tensors after ``first_step`` steps; they are not written to.
            first_step: steps that were made before.
            num_steps: steps to make.
        """
        return dict(working), {}

    @abstractmethod
    def finish(self, view: "SynthesisView", working: "Mapping[str, Tensor]") -> Finished:
        """The images of a batch after its last step."""

    @abstractmethod
    def step_macs(self, teacher: Profile, student: Profile | None) -> float:
        """Multiply-accumulates of one step on this host, which decide how many steps make a chunk."""

    def num_batches(self, num_images: int) -> int:
        """Batches that give at least so many images."""
        return -(-num_images // self.batch_size)

    def check(self, metadata: CollectedMetadata, graph: Graph) -> list[Problem]:
        """What keeps it from working with this metadata and this teacher; paths are relative to the synthesizer."""
        return [*self._metadata_problems(metadata), *self._graph_problems(graph), *self.unsuited(graph)]

    def unsuited(self, graph: Graph) -> list[Problem]:
        """What a member finds wrong beside metadata and BatchNorm layers."""
        return []

    def _metadata_problems(self, metadata: CollectedMetadata) -> list[Problem]:
        given: str = getattr(metadata, "kind", "")
        if self.ignores_metadata or given in self.metadata_kinds:
            return []
        allowed = " or ".join(sorted(self.metadata_kinds))
        message = f"this synthesizer works with metadata of the kind {allowed}; the kind chosen is {given}"
        return [Problem("", "does_not_fit", message)]

    def _graph_problems(self, graph: Graph) -> list[Problem]:
        if not self.matches_batch_norm or has_batch_norm(graph):
            return []
        message = "it matches the statistics of BatchNorm layers, and the teacher has none; choose a model that has"
        return [Problem("", "needs_batch_norm", message)]


def has_batch_norm(graph: Graph) -> bool:
    """Whether any layer is a BatchNorm layer."""
    return any(isinstance(node.layer, BatchNorm2d) for node in graph.nodes)


synthesizers: Registry[Synthesizer] = Registry(
    "synthesizers", "engine.datafree.synthesizers", Synthesizer, title="Synthesizer"
)
"""All synthesizers."""
