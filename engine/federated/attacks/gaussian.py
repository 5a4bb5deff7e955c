"""Sending noise."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.federated.attack import Attack, attacks


@attacks.register
class Gaussian(Attack):
    """Malicious clients send noise: every value of their update is drawn from a normal distribution around zero."""

    crafts: ClassVar[bool] = True
    source: ClassVar[str] = (
        "Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NeurIPS 2017, "
        "section 6"
    )
    equation: ClassVar[str] = "uₖ ~ N(0, σ² I)"
    kind: Literal["gaussian"] = "gaussian"
    """Noise in place of an update."""

    std: Annotated[float, Field(gt=0, le=1e6)] = 200.0
    """Standard deviation of every value, in units of the weights; 200 is the paper's."""

    @override
    def craft(self, updates: np.ndarray, is_malicious: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        shape = (int(is_malicious.sum()), updates.shape[1])
        noise: np.ndarray = draw.standard_normal(shape, dtype=np.float32).astype(updates.dtype, copy=False)
        noise *= updates.dtype.type(self.std)
        return noise
