"""A bound that stays."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.privacy.clipping import Clipping, clippings


@clippings.register
class FlatClipping(Clipping):
    """One fixed bound on the L2 norm of a client's whole update."""

    source: ClassVar[str] = "McMahan et al., Learning Differentially Private Recurrent Language Models, ICLR 2018, 2.2"
    equation: ClassVar[str] = "Δ ← Δ · min(1, C / ‖Δ‖)"
    kind: Literal["flat"] = "flat"
    """A fixed bound on the update's length."""

    norm: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Largest L2 norm of an update, in units of the weights; longer ones are scaled down to it."""

    def first_norm(self) -> float:
        """The bound that is set."""
        return self.norm

    def noise_on_sum(self, noise_multiplier: float, cohort_size: int) -> float:
        """All of the noise: nothing else is released."""
        return noise_multiplier

    def next_norm(self, norm: float, norms: np.ndarray, cohort_size: int, draw: np.random.Generator) -> float:
        """The same bound."""
        return norm
