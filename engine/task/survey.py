"""Jobs that go through the test samples, some at a time, and conclude from what they saw of all of them."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from engine.task import layout
from engine.task.contract import State, Tensors
from engine.task.jobs import Job, Turn, W, global_step

Seen = dict[str, np.ndarray]
"""What was seen of samples, by name."""


@dataclass(frozen=True)
class Survey(Job[W]):
    """Looks at so many samples in each step; what it saw by then is in the state.

    Attributes:
        width: samples of a step.
    """

    width: int

    def chunk(self, world: W) -> int:
        """One step: it has as many samples as are worth a chunk."""
        return 1

    def advance(self, world: W, state: State, steps: range) -> Turn:
        """Look at the samples of the steps; after the last, conclude."""
        seen = self.look(world, state, slice(steps.start * self.width, steps.stop * self.width))
        seen = self.joined(layout.part(layout.WORK, state.tensors), seen)
        if steps.stop < self.num_steps:
            return layout.with_part(state, layout.WORK, seen), []
        return self.conclude(world, layout.with_part(state, layout.WORK, {}), seen, global_step(state, steps))

    @abstractmethod
    def look(self, world: W, state: State, rows: slice) -> Seen:
        """What is to be seen of some samples.

        Args:
            world: what the process keeps.
            state: before these samples.
            rows: which of the test samples; the last may be fewer than ``width``.
        """

    def joined(self, before: Tensors, seen: Seen) -> Seen:
        """What was seen before, of no samples at first, together with what is seen now: sums."""
        return added(before, seen)

    @abstractmethod
    def conclude(self, world: W, state: State, seen: Seen, step: int) -> Turn:
        """The state with what comes of all samples, and what is told of it.

        Args:
            world: what the process keeps.
            state: without what was seen.
            seen: of all samples.
            step: the global step.
        """


def added(before: Tensors, seen: Tensors) -> Seen:
    """Sums by name; what is not there before counts as 0."""
    return {name: np.asarray(array + before.get(name, 0)) for name, array in seen.items()}


def appended(before: Tensors, seen: Tensors) -> Seen:
    """Rows behind those of the same name; names that are not in both stay as they are."""
    return {
        **before,
        **{name: np.concatenate([before[name], rows]) if name in before else rows for name, rows in seen.items()},
    }
