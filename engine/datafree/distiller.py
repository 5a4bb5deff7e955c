"""The contract of distillers: what a student's loss on synthetic images is made of."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.models.graph import Graph, Resolution
from engine.models.layer import Weight
from engine.models.weights import draw

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any  # so that the names below exist without torch


@dataclass(frozen=True)
class DistillView:
    """What student and teacher say about one batch of B images.

    Attributes:
        student_logits: (B, K), with gradient.
        teacher_logits: (B, K), without.
        student_features: (B, d_s), the input of the student's classifier.
        teacher_features: (B, d_t).
        student_maps: (B, C_s, H, W) by height and width, see :attr:`Graph.stages`; empty unless the distiller needs
            them.
        teacher_maps: (B, C_t, H, W) likewise.
        adapters: the distiller's own trained tensors by name.
        labels: (B,) classes, if the images have any; else the teacher's choice is taken.
    """

    student_logits: Tensor
    teacher_logits: Tensor
    student_features: Tensor
    teacher_features: Tensor
    student_maps: Mapping[Resolution, Tensor] = field(default_factory=dict)
    teacher_maps: Mapping[Resolution, Tensor] = field(default_factory=dict)
    adapters: Mapping[str, Tensor] = field(default_factory=dict)
    labels: Tensor | None = None


class Distiller(Component):
    """How a student learns from a teacher.

    Every distiller begins with soft targets and cross entropy, and a member may add terms of its own. It keeps nothing
    between calls; tensors are torch tensors, and members import torch inside their methods.
    """

    needs_maps: ClassVar[bool] = False
    """Whether the view must hold the maps of the resolution stages."""

    temperature: Annotated[float, Field(gt=0, le=100)] = 4.0
    """What logits are divided by before the softmax of the soft targets, dimensionless; above 1 it shows what the
    teacher thinks of the other classes."""

    alpha: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Weight of the soft targets, dimensionless; the rest is the weight of the cross entropy with the teacher's choice
    of class. 1 uses soft targets only."""

    def loss(self, view: DistillView) -> dict[str, Tensor]:
        """The terms of the loss by name, each with its weight in it: the loss is their sum."""
        from engine.datafree.learning.imitation import soft_target_terms

        return {**soft_target_terms(view, self.temperature, self.alpha), **self.further_terms(view)}

    @abstractmethod
    def further_terms(self, view: DistillView) -> dict[str, Tensor]:
        """What the member adds to soft targets and cross entropy, by name, each with its weight in it."""

    def adapters(self, student: Graph, teacher: Graph) -> tuple[Weight, ...]:
        """Further tensors that are trained with the student and thrown away after: name, shape, initial law."""
        return ()

    def check(self, student: Graph, teacher: Graph) -> list[Problem]:
        """What of the distiller cannot be with these two networks; paths relative to the distiller."""
        return []


def initial_adapters(distiller: Distiller, student: Graph, teacher: Graph, seed: int) -> dict[str, np.ndarray]:
    """Initial values of a distiller's own tensors by name, float32, each from a random stream of its own.

    Args:
        distiller: says which there are.
        student: the network that learns.
        teacher: the network that is learned from.
        seed: seed of the run.
    """
    weights = distiller.adapters(student, teacher)
    return {weight.name: draw(weight.law, weight.shape, (seed, "adapters", weight.name)) for weight in weights}


distillers: Registry[Distiller] = Registry("distillers", "engine.datafree.distillers", Distiller, title="Distiller")
"""All distillers by kind."""
