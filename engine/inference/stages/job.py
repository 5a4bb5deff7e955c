"""The contract of a job of a distributed inference: a piece of work in steps that can be cut anywhere."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from engine.datafree.stages.job import Turn
from engine.inference.world import World
from engine.task.contract import State


@dataclass(frozen=True)
class Job(ABC):
    """A piece of work; jobs follow each other in an order that is known before the run.

    Attributes:
        stage: name of the stage that it belongs to.
        num_steps: its steps, at least one.
    """

    stage: str
    num_steps: int

    def chunk(self, world: World) -> int:
        """Steps that are taken at once: about half a second of work, a function of shapes alone."""
        return self.num_steps

    @abstractmethod
    def advance(self, world: World, state: State, steps: range) -> Turn:
        """Take some steps.

        Args:
            world: what the process keeps.
            state: after the steps before.
            steps: numbers of the steps to take, from 0 at the start of the job.
        """
