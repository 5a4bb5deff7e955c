"""Training a contender: the teacher, the student, or a baseline."""

from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from engine.core.errors import EngineError
from engine.datafree.pieces import piece_of
from engine.datafree.world import World
from engine.fleet.device import TRAINING_PASSES
from engine.task import layout
from engine.task.contract import State, Tensors
from engine.task.jobs import POINTS, Job, Turn, falls_due, global_step, measured
from engine.task.pace import chunk_of

LOOKS = 10
"""How often a model is looked at while it trains."""

LOOK_MACS = 2e10
"""Multiply-accumulates of a look."""


class TrainingDiverged(EngineError):
    """A model that all that follows builds on is none any more."""

    code = "training_diverged"


@dataclass(frozen=True)
class Train(Job[World]):
    """Some steps of the training of one contender; the student's may be spread over many jobs.

    Attributes:
        contender: its name.
        first: number of the job's first step in the contender's training.
        total: all steps of its training.
        num_batches: batches of images that the student draws from by then; 0 for others.
    """

    contender: str
    first: int
    total: int
    num_batches: int = 0

    @override
    def chunk(self, world: World) -> int:
        settings = world.teacher_training if self.contender == "teacher" else world.task.distillation
        macs = TRAINING_PASSES.value * sum(world.profile(self.contender).macs.values())
        if self.contender not in ("teacher", "oracle"):
            macs += sum(world.profile("teacher").macs.values())
        return chunk_of(macs * settings.batch_size)

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        from engine.datafree.images.pools import forget_pool
        from engine.datafree.learning.lessons import lesson_of

        trainer, lesson = (
            world.trainer(self.contender),
            lesson_of(world, state, self.contender, self.total, self.num_batches),
        )
        arrays = layout.part(layout.TRAIN, state.tensors)
        own = range(self.first + steps.start, self.first + steps.stop)
        if own.start == 0:
            arrays = trainer.begin(
                world.initial(self.contender), lesson.settings, world.initial_adapters(self.contender)
            )
        arrays, terms = trainer.advance(arrays, lesson, own)
        values = {}
        if falls_due(own, self.total, POINTS):
            values = {f"{self._prefix}_{name}": amount for name, amount in terms.items()}
        if own.stop < self.total and falls_due(own, self.total, LOOKS):
            accuracy = _look(world, self.contender, arrays)
            values |= dict.fromkeys(accuracy_names(world, self.contender), accuracy)
        step, events = global_step(state, steps), []
        if values:
            events.append(measured(state, self.stage, step, values))
        if own.stop < self.total:
            return layout.with_part(state, layout.TRAIN, arrays), events
        state = self._finished(state, arrays)
        forget_pool(world, self.contender)
        if self.contender == "teacher":
            require_finite(self.contender, world.weights(state, self.contender))
        return state, events

    @property
    def _prefix(self) -> str:
        return {"teacher": "teacher", "student": "distillation"}.get(self.contender, self.contender)

    def _finished(self, state: State, arrays: Tensors) -> State:
        from engine.training.supervised import weights_in

        state = layout.with_part(state, layout.TRAIN, {})
        return state.replace(clients={piece_of(self.contender): weights_in(arrays)})


def require_finite(contender: str, weights: Tensors) -> None:
    """Make sure that a model can be gone on with.

    Raises:
        TrainingDiverged: some of its weights are no numbers any more.
    """
    if not all(np.isfinite(array).all() for array in weights.values()):
        block = "teacher.training" if contender == "teacher" else "distillation"
        raise TrainingDiverged(
            f"The training of the {contender} diverged: its weights are no finite numbers any more.",
            remedy=f"Make task.{block}.lr smaller, or its warm_up longer.",
        )


def _look(world: World, contender: str, arrays: Tensors) -> float:
    """The accuracy on some test samples, spread over all of them."""
    import torch

    from engine.training.arrays import as_tensor, channels_last

    macs = sum(world.profile(contender).macs.values())
    count = int(min(len(world.test), 1000, max(100, LOOK_MACS // macs)))
    rows = [place * len(world.test) // count for place in range(count)]
    module = world.trainer(contender).look(arrays)
    with torch.no_grad():
        logits = module(channels_last(as_tensor(world.test.x[rows])))
    return float((logits.argmax(1).numpy() == world.test.y[rows]).mean())


def accuracy_names(world: World, contender: str) -> tuple[str, ...]:
    """Names under which a contender's accuracy is told: that of the model to be deployed also without its name."""
    own = f"{contender}_accuracy"
    return (own, "accuracy") if contender == world.base else (own,)
