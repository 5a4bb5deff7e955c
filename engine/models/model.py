"""The contract of a model: a declaration as data, written against the shape of a sample."""

from abc import abstractmethod
from typing import ClassVar

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.core.sample import SampleSpec
from engine.models.graph import Graph
from engine.models.layer import ShapeError


class Model(Component):
    """An architecture of a neural network."""

    sample_kinds: ClassVar[frozenset[str]] = frozenset({"image"})
    """Kinds of samples that it takes, see :class:`SampleSpec`."""

    @abstractmethod
    def declare(self, sample: SampleSpec) -> Graph:
        """The network for such samples.

        Raises:
            ShapeError: it does not fit them; the message names the layer.
        """

    def check(self, sample: SampleSpec) -> list[Problem]:
        """Why the model does not fit such samples; nothing if it does. Paths are relative to the model."""
        if sample.kind not in self.sample_kinds:
            allowed = " or ".join(sorted(self.sample_kinds))
            return [Problem("", "does_not_fit", f"The model takes {allowed} samples; the data set has {sample.kind}.")]
        try:
            self.declare(sample)
        except ShapeError as error:
            size = "x".join(map(str, sample.shape))
            return [Problem("", "does_not_fit", f"The model does not fit samples of shape {size}: {error}.")]
        return []


models: Registry[Model] = Registry("models", "engine.models.zoo", Model, title="Model")
"""All models."""
