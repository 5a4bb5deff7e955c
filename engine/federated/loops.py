"""Which loop runs a task: rounds that begin and end together, or clients that come and go by themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.events import Event
from engine.federated import expectation, summaries
from engine.federated.asynchronous import asynchrony, buffering
from engine.federated.rounds import loop as rounds
from engine.federated.schedulers.buffered import Buffered
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.costs.trace import Trace
    from engine.federated.task import Federated


@dataclass(frozen=True)
class Loop:
    """What a loop does of a task's contract.

    Attributes:
        begin: the state before the first step.
        step: one block of work.
        expected_trace: what the run is expected to leave.
        trace_of: what it has left so far.
    """

    begin: Callable[["Federated", Context], State]
    step: Callable[["Federated", Context, State], tuple[State, list[Event]]]
    expected_trace: "Callable[[Federated, Context], Trace]"
    trace_of: "Callable[[Federated, State], Trace]"


ROUNDS = Loop(rounds.begin, rounds.step, expectation.expected_trace, summaries.trace_of)
"""A cohort begins together, and the round ends when its scheduler says so."""

ARRIVALS = Loop(buffering.begin, buffering.step, asynchrony.expected_trace, asynchrony.trace_of)
"""Clients begin and end by themselves."""


def loop_of(task: "Federated") -> Loop:
    """The loop of a task."""
    return ARRIVALS if isinstance(task.scheduler, Buffered) else ROUNDS
