"""The settings of local training that a user can choose."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from engine.core.component import Component
from engine.core.registry import kind_of
from engine.training.optimizer import LocalOptimizer, optimizers
from engine.training.optimizers.sgd import Sgd
from engine.training.rate_schedule import RateSchedule, rate_schedules
from engine.training.rate_schedules.constant import ConstantRate


class LocalSettings(Component):
    """How each client trains on its own data in one round: mini-batches in passes over its samples."""

    source: ClassVar[str] = "McMahan et al., Communication-Efficient Learning of Deep Networks, 2017, Algorithm 1"

    epochs: Annotated[int, Field(ge=1, le=1000)] = 1
    """Passes over the client's own samples per round (E)."""

    max_steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Local steps of a client per round at most, the first ones of all its passes; empty for all of them."""

    batch_size: Annotated[int, Field(ge=1, le=65536)] = 32
    """Samples per local step (B); the last batch of an epoch may be smaller."""

    lr: Annotated[float, Field(gt=0, le=100)] = 0.05
    """Learning rate of the first round, dimensionless."""

    lr_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor on the learning rate after every round; 1 keeps it constant."""

    schedule: Annotated[RateSchedule, rate_schedules.field()] = Field(default_factory=ConstantRate)
    """How the learning rate changes over the rounds beside lr_decay."""

    warm_up_rounds: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Rounds over which the learning rate rises linearly to its value: lr / warm_up_rounds in the first; 0 for none."""

    optimizer: Annotated[LocalOptimizer, optimizers.field()] = Field(default_factory=Sgd)
    """How gradients become steps."""

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

    @model_validator(mode="after")
    def _momentum_needs_sgd(self) -> "LocalSettings":
        if self.momentum and not self.optimizer.takes_momentum:
            raise ValueError(f"momentum belongs to sgd; the optimizer {kind_of(type(self.optimizer))} needs it to be 0")
        return self

    @property
    def num_moments(self) -> int:
        """Tensors of the size of the weights that the optimizer keeps beside them."""
        return self.optimizer.moments + (self.momentum > 0)

    def work_of(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Samples that pass through training in a round, all passes counted, and local steps, by a client's samples."""
        per_pass = -(-sizes // self.batch_size)
        if self.max_steps is None:
            return sizes * self.epochs, per_pass * self.epochs
        steps = np.minimum(per_pass * self.epochs, self.max_steps)
        passes, rest = np.divmod(steps, np.maximum(per_pass, 1))
        return passes * sizes + np.minimum(rest * self.batch_size, sizes), steps

    def lr_of(self, round_number: int) -> float:
        """Learning rate of a round, rounds counted from 1."""
        warm_up = min(1.0, round_number / self.warm_up_rounds) if self.warm_up_rounds else 1.0
        return float(self.lr * self.lr_decay ** (round_number - 1)) * self.schedule.factor(round_number) * warm_up
