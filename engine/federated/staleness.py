"""The contract of weights by staleness: what an update counts that was trained on an older model."""

from abc import abstractmethod

import numpy as np

from engine.core.component import Component
from engine.core.registry import Registry


class StalenessWeight(Component):
    """A factor from 0 to 1 on late updates; 1 for those that are not late."""

    @abstractmethod
    def weight(self, staleness: np.ndarray) -> np.ndarray:
        """(m,) factors.

        Args:
            staleness: (m,) versions of the model that the server made between an update's start and its arrival.
        """


staleness_weights: Registry[StalenessWeight] = Registry(
    "staleness_weights", "engine.federated.staleness_weights", StalenessWeight, title="Weight by staleness"
)
"""All weights by staleness by kind."""
