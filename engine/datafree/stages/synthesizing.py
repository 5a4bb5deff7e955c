"""Making one batch of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from engine.core.events import Event
from engine.datafree.images.sprites import sprite_of
from engine.datafree.pieces import BANK, KEPT, piece_of
from engine.datafree.world import World
from engine.task import layout
from engine.task.contract import State
from engine.task.jobs import POINTS, Job, Turn, falls_due, global_step, measured, told
from engine.task.pace import chunk_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView
    from engine.models.build import GraphModule

MOST_IMAGES = 24
"""Batches of a run that are shown when they are finished."""

MOST_STAGES = 4
"""Pictures of a batch in the making and finished, of the first one only."""


@dataclass(frozen=True)
class Synthesize(Job[World]):
    """Begins, advances and finishes a batch; its images go into the bank as bytes.

    Attributes:
        batch: its number, from 0.
        num_batches: all batches of the run.
    """

    batch: int
    num_batches: int

    @override
    def chunk(self, world: World) -> int:
        return chunk_of(world.synthesizer.step_macs(world.profile("teacher"), world.student_profile))

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        synthesizer, view = world.synthesizer, self._view(world, state)
        kept = _tensors(layout.part(KEPT, state.tensors))
        working = _tensors(layout.part(layout.WORK, state.tensors))
        if steps.start == 0:
            working = synthesizer.begin(view, self.batch, kept)
        terms: Mapping[str, float] = {}
        if synthesizer.steps_per_batch:
            working, terms = synthesizer.advance(view, working, steps.start, len(steps))
        values = {f"synthesis_{name}": amount for name, amount in terms.items()}
        if steps.stop < self.num_steps:
            state = layout.with_part(state, layout.WORK, _arrays(working))
            events = self._progress(state, steps, values)
            if self.batch == 0 and falls_due(steps, self.num_steps, MOST_STAGES):
                made = synthesizer.finish(view, working)
                images = world.pixels.shown(made.images.detach().numpy())
                events.append(self._picture(state, steps, images, made.labels.numpy()))
            return state, events
        return self._finish(world, state, view, (working, values, steps))

    def _progress(self, state: State, steps: range, values: Mapping[str, float]) -> list[Event]:
        first, total = self.batch * self.num_steps, self.num_batches * self.num_steps
        is_due = falls_due(range(first + steps.start, first + steps.stop), total, POINTS)
        return [measured(state, self.stage, global_step(state, steps), values)] if values and is_due else []

    def _picture(self, state: State, steps: range, images: np.ndarray, labels: np.ndarray) -> Event:
        """The sheet of a batch as it is now."""
        name, caption = f"batch-{self.batch}", f"batch {self.batch + 1} of {self.num_batches}"
        if steps.stop < self.num_steps:
            caption = f"{caption} after {steps.stop} of {self.num_steps} steps"
        step, sheet = global_step(state, steps), sprite_of(images, labels)
        return told(state, "image", self.stage, name=name, step=step, caption=caption, **sheet)

    def _finish(
        self,
        world: World,
        state: State,
        view: "SynthesisView",
        last: tuple[Mapping[str, "Tensor"], dict[str, float], range],
    ) -> Turn:
        working, values, steps = last
        done = world.synthesizer.finish(view, working)
        images = world.pixels.shown(done.images.detach().numpy())
        labels = np.array(done.labels.numpy(), dtype=np.int64)
        state = layout.with_part(state, layout.WORK, {})
        state = layout.with_part(state, KEPT, _arrays(done.kept))
        state = state.replace(clients={BANK + self.batch: {"images": images, "labels": labels}})
        values = {**values, **_judged(world, state, images, labels), "images": float((self.batch + 1) * len(images))}
        events = [measured(state, self.stage, global_step(state, steps), values)]
        if self._is_shown:
            events.append(self._picture(state, steps, images, labels))
        return state, events

    @property
    def _is_shown(self) -> bool:
        """Whether this batch is one of those that are shown, spread evenly."""
        wanted = min(MOST_IMAGES, self.num_batches)
        return (self.batch + 1) * wanted // self.num_batches > self.batch * wanted // self.num_batches

    def _view(self, world: World, state: State) -> "SynthesisView":
        student: GraphModule | None = None
        if world.is_interleaved:
            student = world.module("student", world.student_graph, _student_now(world, state))
        return world.synthesis_view(state, self.batch, student)


def _student_now(world: World, state: State) -> Mapping[str, np.ndarray]:
    """The student's weights, before its first step or after some."""
    from engine.training.supervised import weights_in

    return weights_in(layout.part(layout.TRAIN, state.tensors)) or world.first_student


def _judged(world: World, state: State, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """How sure the teacher is of the finished images, and how often it sees what they were made to show; and how often
    the oracle does, which never saw the teacher.
    """
    import torch

    from engine.datafree.learning.lessons import standardizer
    from engine.training.arrays import channels_last

    x = channels_last(torch.from_numpy(standardizer(world.pixels)(images)))
    judges = [name for name in ("teacher", "oracle") if piece_of(name) in state.clients]
    found: dict[str, float] = {}
    for name in judges:
        with torch.no_grad():
            sure, says = world.module(name, world.graph(name), world.weights(state, name))(x).softmax(dim=1).max(dim=1)
        share = float((says.numpy() == labels).mean())
        if name == "teacher":
            found |= {"teacher_confidence": float(sure.mean()), "teacher_agreement": share}
        else:
            found["verifier_accuracy"] = share
    return found


def _tensors(arrays: Mapping[str, np.ndarray]) -> "dict[str, Tensor]":
    """Copies as tensors: a chunk never sees memory that another one wrote, nor its layout."""
    import torch

    return {name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}


def _arrays(tensors: "Mapping[str, Tensor]") -> dict[str, np.ndarray]:
    return {name: np.array(value.detach().numpy(), order="C") for name, value in tensors.items()}
