"""The contract of clipping: how long a client's update may be, and how the bound moves."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.privacy.groups import Groups, norm_of, scaled

Clipped: TypeAlias = tuple[Mapping[str, Mapping[str, np.ndarray]], float]
"""Groups of arrays within the bound, and the norm that they had before."""


def clip(groups: Groups, bound: float) -> Clipped:
    """A message scaled down to an L2 norm of at most ``bound``; one within it stays as it is.

    The norm is that of all groups together. A message with entries that are no finite numbers becomes zeros: it has
    no length that could be scaled, and passing it on would break the bound.

    Source: McMahan et al., Learning Differentially Private Recurrent Language Models, ICLR 2018, FlatClip.
    """
    norm = norm_of(groups)
    if norm <= bound:
        return groups, norm
    if not np.isfinite(norm):
        return {
            group: {name: np.zeros_like(a) for name, a in tensors.items()} for group, tensors in groups.items()
        }, norm
    # rounding the scaled entries to single precision may lengthen the vector by a last bit, hence the small reserve
    return scaled(groups, bound / norm * (1.0 - 2.0**-20)), norm


class Clipping(Component):
    """How the bound on a client's update is set; it keeps nothing between rounds."""

    @abstractmethod
    def first_norm(self) -> float:
        """The bound of the first round, an L2 norm."""

    @abstractmethod
    def noise_on_sum(self, noise_multiplier: float, cohort_size: int) -> float:
        """Noise multiplier of the sum of updates, so that all that a round releases together costs what is set."""

    @abstractmethod
    def next_norm(self, norm: float, norms: np.ndarray, cohort_size: int, draw: np.random.Generator) -> float:
        """The bound of the next round.

        Args:
            norm: the bound of this round.
            norms: (m,) norms of this round's updates before clipping.
            cohort_size: clients that a round is expected to have.
            draw: the only source of randomness.
        """

    def check(self, noise_multiplier: float, cohort_size: int) -> list[Problem]:
        """What is wrong with it for this noise and cohort; paths are relative to the clipping."""
        return []


clippings: Registry[Clipping] = Registry("clippings", "engine.privacy.clippings", Clipping, title="Clipping")
"""All rules of clipping by kind."""
