"""A bound that follows a quantile of the updates' norms."""

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.privacy.clipping import Clipping, clippings


@clippings.register
class AdaptiveClipping(Clipping):
    """A bound that follows a quantile of the updates' norms, found privately.

    Every client also tells whether its update was within the bound. The noisy share b of those that were moves the
    bound by the factor exp(-rate * (b - quantile)). The count takes its part of the privacy cost, so the sum of updates
    gets slightly more noise: z_sum = (z^-2 - (2 s)^-2)^(-1/2), s being the standard deviation of the count's noise.
    """

    source: ClassVar[str] = (
        "Andrew, Thakkar, McMahan, Ramaswamy, Differentially Private Learning with Adaptive Clipping, NeurIPS 2021, "
        "Algorithm 1 and Theorem 1"
    )
    equation: ClassVar[str] = "C ← C · exp(−η (b − γ))"
    kind: Literal["adaptive"] = "adaptive"
    """The bound follows a quantile of the updates' norms."""

    initial_norm: Annotated[float, Field(gt=0, le=1e6)] = 0.1
    """L2 norm of the first round's bound, in units of the weights."""

    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the updates that should be within the bound, from 0 to 1."""

    rate: Annotated[float, Field(gt=0, le=10)] = 0.2
    """How fast the bound moves per round, dimensionless: the learning rate of its logarithm."""

    count_noise: Annotated[float, Field(gt=0, le=10)] = 0.05
    """Standard deviation of the noise on the count of updates within the bound, as a share of the cohort's size."""

    def first_norm(self) -> float:
        """The bound to begin with."""
        return self.initial_norm

    def noise_on_sum(self, noise_multiplier: float, cohort_size: int) -> float:
        """Theorem 1: what is left for the sum after the count took its part; the count's sensitivity is 1/2."""
        left = noise_multiplier**-2 - (2.0 * self.count_noise * cohort_size) ** -2
        return left**-0.5 if left > 0.0 else math.inf

    def next_norm(self, norm: float, norms: np.ndarray, cohort_size: int, draw: np.random.Generator) -> float:
        """The geometric update, with the noisy count over the expected size of the cohort."""
        centered = float(np.where(norms <= norm, 0.5, -0.5).sum())
        noisy = centered + draw.normal(0.0, self.count_noise * cohort_size)
        share = noisy / cohort_size + 0.5
        return float(norm * math.exp(-self.rate * (share - self.quantile)))

    def check(self, noise_multiplier: float, cohort_size: int) -> list[Problem]:
        """A count with so little noise that it alone would cost more than is set."""
        least = noise_multiplier / (2.0 * cohort_size)
        if self.count_noise > least:
            return []
        message = (
            f"the noise on the count must be above noise_multiplier / (2 * clients per round) = {least:.4g}, or the "
            f"count alone would cost more privacy than is set; it is {self.count_noise:g}"
        )
        return [Problem("count_noise", "count_noise_too_small", message)]
