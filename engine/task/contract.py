"""The contract that every task keeps, and the registry of tasks."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.events import Event
from engine.core.json import JsonValue
from engine.core.registry import Registry
from engine.task.context import ArtifactResolver, BlockExecutor, Context, Progress, Published, Summary
from engine.task.state import Block, BlockResult, Clients, State, Tensors

if TYPE_CHECKING:
    from engine.costs.ledger import Ledger
    from engine.costs.trace import Trace

__all__ = [
    "ArtifactResolver",
    "Block",
    "BlockExecutor",
    "BlockResult",
    "Clients",
    "Context",
    "JsonValue",
    "Progress",
    "Published",
    "State",
    "Summary",
    "Task",
    "Tensors",
    "tasks",
]


class Task(Component):
    """What a run does, as a pure step function over explicit state: ``init -> step -> ... -> done``.

    The same spec and seed give the same states and events, bit for bit, whether the run was interrupted or not and
    whoever computes its blocks. A task keeps nothing outside the state; ``context.cache`` holds what can be made anew.
    """

    kind: str
    """Which task this is."""

    @abstractmethod
    def check(self, context: Context) -> list[Problem]:
        """What is wrong with the task on this fleet and network.

        Paths are relative to the task (``sampler.num_clients``). Reads no data and no torch: the web process calls it.
        """

    @abstractmethod
    def facts(self, context: Context) -> Mapping[str, JsonValue]:
        """Figures of the run that never change (``num_clients``, ``num_parameters``), for the ``started`` event."""

    @abstractmethod
    def expected_trace(self, context: Context) -> "Trace":
        """The trace that the whole run is expected to leave; NumPy only and without data: estimates are made of it."""

    def expected_host_trace(self, context: Context) -> "Trace | None":
        """What this host computes in the whole run, as if it were a device; None if it is what the devices compute."""
        return None

    def expected_metrics(self, context: Context) -> Mapping[str, float]:
        """Metrics of the whole run that are known before it, such as ``epsilon``; as cheap as the expected trace."""
        return {}

    @abstractmethod
    def init(self, context: Context) -> State:
        """The state before the first step.

        Raises:
            DataUnavailable: a data set is not on this machine and cannot be fetched.
        """

    @abstractmethod
    def step(self, context: Context, state: State) -> tuple[State, list[Event]]:
        """Do one block of work; a round's events come with the step that completes it."""

    @abstractmethod
    def compute_block(self, context: Context, block: Block) -> BlockResult:
        """Compute one block from its inputs alone; called through ``context.executor``, maybe in another process."""

    @abstractmethod
    def is_done(self, state: State) -> bool:
        """Whether the run has ended."""

    @abstractmethod
    def progress(self, state: State) -> Progress:
        """How far the run is."""

    @abstractmethod
    def summarize(self, state: State) -> Summary:
        """Final metrics, costs and artifacts of an ended run."""

    @abstractmethod
    def trace(self, state: State) -> "Trace":
        """Who computed and sent what so far: what re-costing needs."""

    @abstractmethod
    def ledger(self, state: State) -> "Ledger":
        """Seconds, joules and bytes per owner and phase so far."""


tasks: Registry[Task] = Registry("tasks", "engine.specs.tasks", Task, title="Task")
"""All tasks; the modules of ``engine.specs.tasks`` import them, because specs lie above every task."""
