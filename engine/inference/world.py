"""What a process keeps of a distributed inference: plans, data and modules, made anew from spec, seed and state."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.streams import seed_of
from engine.data.dataset import Split
from engine.datafree.settings import TeacherTraining
from engine.datafree.teachers.train import TrainedTeacher
from engine.inference.planning import Planning
from engine.models.graph import Graph
from engine.models.profile import Profile, profile
from engine.models.weights import initial
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.inference.task import Inference
    from engine.models.build import GraphModule
    from engine.training.supervised import Trainer

TEACHER = 0
"""Number of the piece of state with the trained network's weights."""


def world_of(task: "Inference", context: Context) -> "World":
    """The world of a run, kept by the process."""
    if "inference" not in context.cache:
        context.cache["inference"] = World(task, context)
    world: World = context.cache["inference"]
    return world


class World:
    """What a process keeps of a run; nothing in it is changed by a step but memory that can be made anew.

    Args:
        task: the task.
        context: the world that it runs in.
    """

    def __init__(self, task: "Inference", context: Context) -> None:
        self.task, self.context = task, context
        self.memory: dict[str, Any] = {}
        self._module: tuple[Mapping[str, np.ndarray], GraphModule] | None = None

    @cached_property
    def graph(self) -> Graph:
        """The network."""
        return self.task.teacher.graph(self.task.dataset.sample(), self.context.artifacts)

    @cached_property
    def profile(self) -> Profile:
        """What the whole network costs."""
        return profile(self.graph)

    @cached_property
    def planning(self) -> Planning:
        """The plans."""
        return Planning(self.task, self.context, self.graph)

    @cached_property
    def train(self) -> Split:
        """The samples that the network is trained on."""
        return self.task.dataset.load(self.context.store, "train")

    @cached_property
    def test(self) -> Split:
        """The samples on which it is measured."""
        return self.task.dataset.load(self.context.store, "test")

    @property
    def training(self) -> TeacherTraining:
        """How the network is trained; for one that is trained in the run."""
        assert isinstance(self.task.teacher, TrainedTeacher), "only such a network is trained"
        return self.task.teacher.training

    @property
    def num_steps(self) -> int:
        """Steps of the training of a network that is trained in the run; 0 for others."""
        if not isinstance(self.task.teacher, TrainedTeacher):
            return 0
        count = self.task.dataset.num_samples("train")
        return self.training.epochs * (count // min(self.training.batch_size, count))

    def initial(self) -> dict[str, np.ndarray]:
        """First weights."""
        return initial(self.graph, seed_of(self.context.seed, "teacher"))

    @cached_property
    def trainer(self) -> "Trainer":
        """What trains the network."""
        from engine.training.supervised import Trainer

        return Trainer(self.graph)

    def module(self, state: State) -> "GraphModule":
        """The trained network in evaluation mode, without gradients of its weights."""
        from engine.models.build import build
        from engine.training.arrays import as_tensors, load

        weights = state.clients[TEACHER]
        if self._module is None or self._module[0] is not weights:
            module = build(self.graph)
            load(module, as_tensors(weights))
            self._module = weights, module.eval().requires_grad_(False)
        return self._module[1]
