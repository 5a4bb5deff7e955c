"""The contract of a job: a piece of work in steps that can be cut anywhere."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.events import Event, EventKind
from engine.core.json import JsonValue
from engine.datafree import layout
from engine.datafree.world import World
from engine.task.contract import State

POINTS = 200
"""How often the terms of a loss are told in the course of a stage."""

Turn = tuple[State, list[Event]]
"""The state after some steps, and what is told of them."""


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


def told(state: State, kind: EventKind, stage: str, **body: JsonValue) -> Event:
    """An event of a stage, at the global step at which the chunk ends that tells it."""
    body = {"stage": stage, **body}
    return Event(kind=kind, body=body, sim_time_s=layout.value(state, "totals")["time_s"])


def measured(state: State, stage: str, step: int, values: Mapping[str, float]) -> Event:
    """A metrics event, with the costs so far.

    Args:
        state: with the costs.
        stage: name of the stage.
        step: global step.
        values: what was measured, by name.
    """
    totals: dict[str, float] = layout.value(state, "totals")
    return told(state, "metrics", stage, round=step, values={**values, **totals})


def global_step(state: State, steps: range) -> int:
    """The number of the last of these steps of the current job among all steps of the run, from 1."""
    done: int = layout.value(state, "done")
    return done + len(steps)


def falls_due(steps: range, total: int, times: int) -> bool:
    """Whether one of so many evenly spread moments lies within the steps; the last is the end."""
    return steps.stop * times // total > steps.start * times // total
