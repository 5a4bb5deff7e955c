"""The contract of an augmentation: a random change of a training sample that keeps its label."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.core.sample import SampleSpec


class Augmentation(Component):
    """A random change of training samples; each sample of each batch is changed anew, test samples never are."""

    sample_kinds: ClassVar[frozenset[str]] = frozenset({"image"})
    """Kinds of samples that it can change, see :class:`SampleSpec`."""

    @abstractmethod
    def apply(self, x: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """The changed samples.

        Args:
            x: (B, *sample.shape) float32, standardized; it is not written to.
            draw: the only source of randomness; what is drawn depends on the shape of ``x`` alone, never on its values.

        Returns:
            A contiguous array of the same shape and type.
        """

    def check(self, sample: SampleSpec) -> list[Problem]:
        """Why such samples cannot be changed so; nothing if they can. Paths are relative to the augmentation."""
        if sample.kind not in self.sample_kinds:
            allowed = " or ".join(sorted(self.sample_kinds))
            message = f"This augmentation changes {allowed} samples; the data set has {sample.kind}."
            return [Problem("", "does_not_fit", message)]
        return self.unsuited(sample)

    def unsuited(self, sample: SampleSpec) -> list[Problem]:
        """What a member finds unsuitable about the shape of samples whose kind suits it."""
        return []


def augmented(steps: Sequence[Augmentation], x: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Samples changed by one augmentation after the other."""
    for step in steps:
        x = step.apply(x, draw)
    return x


augmentations: Registry[Augmentation] = Registry(
    "augmentations", "engine.training.augmentations", Augmentation, title="Augmentation"
)
"""All augmentations."""
