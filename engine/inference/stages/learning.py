"""How the network comes to its weights: trained in the run, or read from a file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from engine.core.streams import stream
from engine.fleet.device import TRAINING_PASSES
from engine.inference.world import TEACHER, World
from engine.models.model_file import read_model
from engine.task import layout
from engine.task.contract import State
from engine.task.jobs import POINTS, Job, Turn, falls_due, global_step, measured
from engine.task.pace import chunk_of

if TYPE_CHECKING:
    from engine.training.supervised import Batch, Lesson


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
class Train(Job[World]):
    """Trains the network on the samples and their labels."""

    @override
    def chunk(self, world: World) -> int:
        macs = TRAINING_PASSES.value * sum(world.profile.macs.values())
        return chunk_of(macs * world.training.batch_size)

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        from engine.training.supervised import weights_in

        trainer, arrays = world.trainer("teacher", world.graph), layout.part(layout.TRAIN, state.tensors)
        if steps.start == 0:
            arrays = trainer.begin(world.initial(), world.training)
        arrays, terms = trainer.advance(arrays, _lesson(world, self.num_steps), steps)
        events = []
        if falls_due(steps, self.num_steps, POINTS):
            values = {f"teacher_{name}": amount for name, amount in terms.items()}
            events.append(measured(state, self.stage, global_step(state, steps), values))
        if steps.stop < self.num_steps:
            return layout.with_part(state, layout.TRAIN, arrays), events
        state = layout.with_part(state, layout.TRAIN, {})
        return state.replace(clients={TEACHER: weights_in(arrays)}), events


def _lesson(world: World, num_steps: int) -> "Lesson":
    from engine.datafree.learning.lessons import cross_entropy
    from engine.training.supervised import Lesson, Samples, rows_of_pass

    samples, settings, seed = Samples(world.train.x, world.train.y), world.training, world.context.seed

    def batch(step: int) -> "Batch":
        rows = rows_of_pass(seed, step, len(samples), settings.batch_size)
        return samples.batch(rows, settings, stream(seed, "augment", step))

    return Lesson(settings, num_steps, cross_entropy(settings.label_smoothing), batch, seed)
