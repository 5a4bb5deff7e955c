"""Adam."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.training.optimizer import LocalOptimizer, optimizers


@optimizers.register
class Adam(LocalOptimizer):
    """Adam: steps by running means of gradients and of their squares, with bias correction.

    Its moments start at zero in every round and never travel. Weight decay and a strategy's terms are part of the
    gradient. It needs each parameter's gradient by itself, so clients train one after another.
    """

    source: ClassVar[str] = "Kingma, Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, Algorithm 1"
    equation: ClassVar[str] = "m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂ / (√v̂ + ε)"
    moments: ClassVar[int] = 2
    takes_momentum: ClassVar[bool] = False
    kind: Literal["adam"] = "adam"
    """Adam."""

    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the mean of gradients that is kept from step to step, dimensionless."""

    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Share of the mean of squared gradients that is kept from step to step, dimensionless."""

    epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-8
    """Added to the root of the second moment, dimensionless."""
