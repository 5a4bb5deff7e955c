"""Sensors that wear out."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.data.drift import Drift, drifts


@drifts.register
class SensorNoise(Drift):
    """Inputs get noisier in every round, as from a sensor that wears out: a gradual shift of the inputs.

    Gaussian noise of mean 0 on the standardized inputs; each client's is drawn once and grows.
    """

    source: ClassVar[str] = (
        "D. Hendrycks, T. Dietterich, Benchmarking Neural Network Robustness to Common Corruptions, ICLR 2019, section "
        "3 (Gaussian noise by severity); J. Gama et al., A Survey on Concept Drift Adaptation, 2014, section 2"
    )
    kind: Literal["sensor_noise"] = "sensor_noise"
    """Sensors wear out."""

    growth: Annotated[float, Field(gt=0, le=10)] = 0.02
    """Standard deviation that the noise gains from one round to the next, in units of the standardized inputs."""

    most: Annotated[float, Field(gt=0, le=100)] = 0.5
    """Standard deviation at which it stays, in units of the standardized inputs."""

    @override
    def stage(self, num_rounds: int) -> float:
        return min(self.most, self.growth * (num_rounds + 1))

    @override
    def change(
        self, x: np.ndarray, y: np.ndarray, stage: float, draw: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        noisy: np.ndarray = x + x.dtype.type(stage) * draw.standard_normal(x.shape, dtype=np.float32)
        return noisy, y

    @override
    def check(self, sample: SampleSpec) -> list[Problem]:
        if sample.kind != "tokens":
            return []
        return [Problem("kind", "does_not_fit", "Noise is added to numbers; the data set has samples of tokens.")]
