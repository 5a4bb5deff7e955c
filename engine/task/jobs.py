"""Tasks whose work is jobs that follow each other: the contract of a job, and the task that does them one by one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from engine.core.errors import EngineError
from engine.core.events import Event, EventKind
from engine.core.json import JsonValue
from engine.costs.ledger import Ledger
from engine.task import layout
from engine.task.contract import Block, BlockResult, Context, Progress, State, Task

if TYPE_CHECKING:
    from engine.costs.trace import Trace

W = TypeVar("W")
"""The world of a task: what its process keeps of a run."""

POINTS = 200
"""How often the terms of a loss are told in the course of a stage."""

Titles = Mapping[str, str]
"""Title of each stage by its name."""

Turn = tuple[State, list[Event]]
"""The state after some steps, and what is told of them."""


@dataclass(frozen=True)
class Job(ABC, Generic[W]):
    """A piece of work in steps that can be cut anywhere.

    Attributes:
        stage: name of the stage that it belongs to.
        num_steps: its steps, at least one.
    """

    stage: str
    num_steps: int

    def chunk(self, world: W) -> int:
        """Steps that are taken at once: about half a second of work, a function of shapes alone."""
        return self.num_steps

    @abstractmethod
    def advance(self, world: W, state: State, steps: range) -> Turn:
        """Take some steps.

        Args:
            world: what the process keeps.
            state: after the steps before.
            steps: numbers of the steps to take, from 0 at the start of the job.
        """


@dataclass(frozen=True)
class Agenda(Generic[W]):
    """The jobs of a run in the order in which they are done, which is known before the run.

    Attributes:
        world: what the process keeps.
        jobs: at least one.
        titles: title of each stage by its name.
    """

    world: W
    jobs: tuple[Job[W], ...]
    titles: Titles

    @property
    def num_steps(self) -> int:
        """Steps of all jobs."""
        return sum(job.num_steps for job in self.jobs)

    def stages(self) -> list[JsonValue]:
        """Name, title and steps of each stage, in the order in which they begin."""
        steps: dict[str, int] = {}
        for job in self.jobs:
            steps[job.stage] = steps.get(job.stage, 0) + job.num_steps
        return [{"name": name, "title": self.titles[name], "num_steps": count} for name, count in steps.items()]

    def begin(self, owners: Sequence[str], values: Mapping[str, JsonValue]) -> State:
        """The state before the first job.

        Args:
            owners: names of the groups whose costs are told apart.
            values: what the jobs find in the state's values, among it the ``totals``.
        """
        place: dict[str, JsonValue] = {"job": 0, "at": 0, "done": 0, "total": self.num_steps, "reason": ""}
        return State({**place, **values}, layout.under(layout.LEDGER, Ledger.empty(owners).to_arrays()))

    def step(self, state: State) -> Turn:
        """Take the next chunk of steps of the job at hand."""
        number, at = layout.value(state, "job"), layout.value(state, "at")
        job = self.jobs[number]
        steps = range(at, min(job.num_steps, at + job.chunk(self.world)))
        state, events = job.advance(self.world, state, steps)
        is_over = steps.stop == job.num_steps
        return state.replace(
            values={
                "job": number + is_over,
                "at": 0 if is_over else steps.stop,
                "done": layout.value(state, "done") + len(steps),
            }
        ), events


def kept(world: W, memory: dict[str, Any], jobs: Callable[[W], Iterable[Job[W]]], titles: Titles) -> Agenda[W]:
    """The agenda of a world, made once and kept by the process.

    Args:
        world: what the process keeps.
        memory: where it is kept in it.
        jobs: makes them.
        titles: title of each stage by its name.
    """
    if "agenda" not in memory:
        memory["agenda"] = Agenda(world, tuple(jobs(world)), titles)
    agenda: Agenda[W] = memory["agenda"]
    return agenda


class JobTask(Task):
    """A task whose work is jobs that follow each other; the last one writes the reason why the run ends."""

    @abstractmethod
    def agenda(self, context: Context) -> Agenda[Any]:
        """The jobs of the run and what the process keeps for them: a function of the task and its context alone."""

    def step(self, context: Context, state: State) -> tuple[State, list[Event]]:
        """Take the next chunk of steps of the job at hand."""
        return self.agenda(context).step(state)

    def compute_block(self, context: Context, block: Block) -> BlockResult:
        """Such a task has no blocks.

        Raises:
            EngineError: always.
        """
        raise EngineError(f"a task of kind {self.kind} has no block {block.name}: its steps follow each other")

    def is_done(self, state: State) -> bool:
        """Whether the last job is done."""
        return bool(state.values["reason"])

    def progress(self, state: State) -> Progress:
        """Steps of all optimizers done, with one for each chunk of everything else."""
        return Progress(done=layout.value(state, "done"), total=layout.value(state, "total"), unit="step")

    def trace(self, state: State) -> "Trace":
        """What devices sent and computed: nothing before the last job books it."""
        return layout.trace_of(state)

    def ledger(self, state: State) -> Ledger:
        """Seconds, joules and bytes so far."""
        return layout.ledger_of(state)


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
