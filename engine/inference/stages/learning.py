"""How the network comes to its weights: trained in the run, or read from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from engine.inference.stages.training import Training
from engine.inference.world import TEACHER, World
from engine.models.graph import Graph
from engine.models.model_file import read_model
from engine.task.contract import State, Tensors
from engine.task.jobs import Job, Turn

if TYPE_CHECKING:
    from engine.training.supervised import Lesson
    from engine.training.supervised_settings import DescentSettings


@dataclass(frozen=True)
class Load(Job[World]):
    """Reads the file of a trained network."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        path = world.task.teacher.path_in(world.context.artifacts)
        assert path is not None, "a network that is trained is not loaded"
        _, weights = read_model(path)
        return state.replace(clients={TEACHER: weights}), []


@dataclass(frozen=True)
class Train(Training):
    """Trains the network on the samples and their labels."""

    @override
    def settings(self, world: World) -> "DescentSettings":
        return world.training

    @override
    def expected(self, world: World) -> Graph:
        return world.graph

    @override
    def first(self, world: World, state: State, graph: Graph) -> Mapping[str, np.ndarray]:
        return world.initial()

    @override
    def lesson(self, world: World, state: State) -> "Lesson":
        from engine.datafree.learning.lessons import cross_entropy

        return self.labeled(world, cross_entropy(world.training.label_smoothing))

    @override
    def finished(self, world: World, state: State, weights: Tensors) -> State:
        return state.replace(clients={TEACHER: weights})
