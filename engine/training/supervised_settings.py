"""What can be set of the training of one model on samples at one place: the learning rule over a number of steps."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.training.augmentation import Augmentation, augmentations


class DescentSettings(Component):
    """How one model is trained by mini-batches: the optimizer, the learning rate over the steps, and augmentations."""

    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Samples per step."""

    optimizer: Literal["sgd", "adam"] = "sgd"
    """How gradients become steps: stochastic gradient descent with momentum, or Adam with its usual constants."""

    lr: Annotated[float, Field(gt=0, le=100)] = 0.05
    """Largest learning rate of the schedule, dimensionless."""

    schedule: Literal["constant", "cosine", "one_cycle"] = "one_cycle"
    """The learning rate after the warm-up: it stays (constant), falls to 0 along half a cosine (cosine), or falls to 0
    along a straight line (one_cycle)."""

    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of all steps over which the learning rate rises linearly from 0 to lr; 0 for none."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of sgd, dimensionless; adam has its own."""

    nesterov: bool = True
    """Whether the momentum of sgd looks ahead (Nesterov); needs a momentum above 0."""

    weight_decay: Annotated[float, Field(ge=0, le=1)] = 5e-4
    """Weight decay: gradient += weight_decay * weights, dimensionless."""

    augment: tuple[Annotated[Augmentation, augmentations.field()], ...] = ()
    """Random changes of every sample each time it is used, in this order."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "DescentSettings":
        if self.optimizer == "sgd" and self.nesterov and self.momentum == 0.0:
            raise ValueError("nesterov needs a momentum above 0, but momentum is 0")
        return self

    def lr_of(self, step: int, num_steps: int) -> float:
        """The learning rate of a step.

        Args:
            step: its number, from 0.
            num_steps: all steps.
        """
        rising = self.warm_up * num_steps
        if step + 1 < rising:
            return self.lr * (step + 1) / rising
        falling = (step - rising + 1) / (num_steps - rising + 1)
        match self.schedule:
            case "constant":
                return self.lr
            case "cosine":
                return self.lr * 0.5 * (1 + math.cos(math.pi * max(0.0, falling)))
            case "one_cycle":
                return self.lr * (1 - max(0.0, falling))

    def problems(self, sample: SampleSpec) -> list[Problem]:
        """What does not fit such samples; paths relative to the settings."""
        return [
            Problem(f"augment.{place}.{found.path}".rstrip("."), found.code, found.message)
            for place, step in enumerate(self.augment)
            for found in step.check(sample)
        ]
