"""Training a network, or students that stand for it, in steps that can be cut anywhere."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from engine.core.streams import Name, seed_of, stream
from engine.fleet.device import TRAINING_PASSES
from engine.inference.nonn.students import StudentNetwork, ensemble_weights
from engine.inference.world import MEMBERS, World
from engine.models.graph import Graph
from engine.models.profile import profile
from engine.models.weights import initial
from engine.task import layout
from engine.task.contract import State, Tensors
from engine.task.jobs import POINTS, Job, Turn, falls_due, global_step, measured
from engine.task.pace import chunk_of

if TYPE_CHECKING:
    from engine.training.supervised import Batch, Lesson, Loss
    from engine.training.supervised_settings import DescentSettings

WHOLE = -1
"""In place of a member's number: the whole network."""


@dataclass(frozen=True)
class Training(Job[World]):
    """Takes the steps of a training and tells the terms of its loss."""

    @property
    def name(self) -> str:
        """What is trained; no two trainings that follow each other have the same."""
        return self.stage

    @property
    def told_as(self) -> str:
        """What the names of the terms begin with."""
        return self.stage

    def settings(self, world: World) -> "DescentSettings":
        """How it learns."""
        return world.task.training

    @abstractmethod
    def expected(self, world: World) -> Graph:
        """The network as it is expected to be before the run."""

    def network(self, world: World, state: State) -> Graph:
        """The network that is trained."""
        return self.expected(world)

    @abstractmethod
    def first(self, world: World, state: State, graph: Graph) -> Mapping[str, np.ndarray]:
        """Weights before the first step."""

    @abstractmethod
    def lesson(self, world: World, state: State) -> "Lesson":
        """What it learns."""

    @abstractmethod
    def finished(self, world: World, state: State, weights: Tensors) -> State:
        """The state with the weights after the last step."""

    @override
    def chunk(self, world: World) -> int:
        macs = TRAINING_PASSES.value * sum(profile(self.expected(world)).macs.values())
        return chunk_of(macs * self.settings(world).batch_size)

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        from engine.training.supervised import weights_in

        graph = self.network(world, state)
        trainer, arrays = world.trainer(self.name, graph), layout.part(layout.TRAIN, state.tensors)
        if steps.start == 0:
            arrays = trainer.begin(self.first(world, state, graph), self.settings(world))
        arrays, terms = trainer.advance(arrays, self.lesson(world, state), steps)
        events = []
        if falls_due(steps, self.num_steps, POINTS):
            values = {f"{self.told_as}_{name}": amount for name, amount in terms.items()}
            events.append(measured(state, self.stage, global_step(state, steps), values))
        if steps.stop < self.num_steps:
            return layout.with_part(state, layout.TRAIN, arrays), events
        return self.finished(world, layout.with_part(state, layout.TRAIN, {}), weights_in(arrays)), events

    def labeled(self, world: World, loss: "Loss", *names: Name) -> "Lesson":
        """A lesson on the training samples and their labels.

        Args:
            world: with the samples.
            loss: of a batch.
            names: of the random streams that augment batches, besides ``augment`` and the step.
        """
        from engine.training.supervised import Lesson, Samples, rows_of_pass

        seed, samples, settings = world.context.seed, Samples(world.train.x, world.train.y), self.settings(world)

        def batch(step: int) -> "Batch":
            rows = rows_of_pass(seed, step, len(samples), settings.batch_size)
            return samples.batch(rows, settings, stream(seed, "augment", *names, step))

        return Lesson(settings, self.num_steps, loss, batch, seed)


@dataclass(frozen=True)
class StudentTraining(Training):
    """Trains all students together, or one member of an ensemble.

    Attributes:
        member: number of the member; ``WHOLE`` for all students together.
    """

    member: int

    @property
    @override
    def name(self) -> str:
        return f"{self.told_as} {self.member}"

    @property
    @abstractmethod
    def piece(self) -> int:
        """Of the state, with the weights of all."""

    @abstractmethod
    def ensemble(self, world: World, state: State) -> StudentNetwork:
        """All members as one network."""

    @override
    def first(self, world: World, state: State, graph: Graph) -> Mapping[str, np.ndarray]:
        names = ("students",) if self.member == WHOLE else ("students", self.member)
        return initial(graph, seed_of(world.context.seed, *names))

    @override
    def finished(self, world: World, state: State, weights: Tensors) -> State:
        if self.member == WHOLE:
            return state.replace(clients={self.piece: weights})
        state = state.replace(clients={MEMBERS + self.member: weights})
        network = self.ensemble(world, state)
        if self.member + 1 < len(network.branches):
            return state
        members = [state.clients[MEMBERS + number] for number in range(len(network.branches))]
        return state.replace(clients={self.piece: ensemble_weights(network, members)})
