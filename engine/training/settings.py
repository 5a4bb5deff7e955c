"""The settings of local training that a user can choose."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from engine.core.component import Component


class LocalSettings(Component):
    """How each client trains on its own data in one round: plain mini-batch SGD with options."""

    source: ClassVar[str] = "McMahan et al., Communication-Efficient Learning of Deep Networks, 2017, Algorithm 1"

    epochs: Annotated[int, Field(ge=1, le=1000)] = 1
    """Passes over the client's own samples per round (E)."""

    batch_size: Annotated[int, Field(ge=1, le=65536)] = 32
    """Samples per local step (B); the last batch of an epoch may be smaller."""

    lr: Annotated[float, Field(gt=0, le=100)] = 0.05
    """Learning rate of the first round, dimensionless."""

    lr_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor on the learning rate after every round; 1 keeps it constant."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Momentum of local SGD, dimensionless; its buffer starts at zero in every round."""

    nesterov: bool = False
    """Whether momentum looks ahead (Nesterov); needs a momentum above 0."""

    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """L2 penalty in the form of weight decay: gradient += weight_decay * weights, dimensionless."""

    path: Literal["auto", "cohort", "per_client"] = "auto"
    """How clients are computed: several stacked together (cohort), one after another (per_client), or by the engine's
    fixed table (auto). Same mathematics, other rounding; never chosen by timing."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "LocalSettings":
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("nesterov needs a momentum above 0, but momentum is 0")
        return self

    def lr_of(self, round_number: int) -> float:
        """Learning rate of a round, rounds counted from 1."""
        return float(self.lr * self.lr_decay ** (round_number - 1))
