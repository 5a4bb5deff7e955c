"""The one loop that carries out runs: headless, in a worker, and in tests."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from engine.core.events import Event, EventKind
from engine.core.json import plain
from engine.runs.checkpoint import Checkpoint, Checkpoints
from engine.runs.control import Control
from engine.runs.emulated import refuse_if_impossible, with_measurement
from engine.runs.sinks import HostTimes, Sink
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import digest
from engine.task.context import Context, Interrupted, Summary
from engine.task.state import State

RunStatus = Literal["done", "cancelled", "paused"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended, or where it halted."""

    status: RunStatus
    state: State
    summary: Summary | None
    """Of a run that is done."""
    seq: int
    """Number of its last event."""
    work_s: float
    """Seconds of work on hosts, over all attempts."""


def run(
    spec: ExperimentSpec,
    seed: int,
    *,
    context: Context,
    sink: Sink,
    checkpoints: Checkpoints | None = None,
    control: Control | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Carry out one run of a cell, from its latest checkpoint if there is one.

    The numbered events are a function of spec and seed. After a crash the loop computes again what followed the
    checkpoint and numbers it alike, and the sink leaves out what it has. What was taken by the sink is stored before a
    checkpoint is, so the log never has a gap.

    Args:
        spec: an experiment without a sweep.
        seed: one of its seeds.
        context: the world of the run, see ``make_context``.
        sink: takes events and progress; the caller closes it.
        checkpoints: where to find and leave checkpoints; without them nothing is kept.
        control: tells the loop to stop or pause, at step borders.
        clock: seconds of this host, for the times of checkpoints and the estimate of what remains.

    Raises:
        EngineError: the run cannot go on (missing data, for one).
    """
    return _Run(spec, seed, context=context, sink=sink, checkpoints=checkpoints, clock=clock).carry_out(
        control or Control()
    )


class _Run:
    def __init__(
        self,
        spec: ExperimentSpec,
        seed: int,
        *,
        context: Context,
        sink: Sink,
        checkpoints: Checkpoints | None,
        clock: Callable[[], float],
    ) -> None:
        self.spec, self.task, self.seed, self.context = spec, spec.task, seed, context
        self.sink, self.checkpoints, self.clock = sink, checkpoints, clock
        self.seq = 0
        self.work_before_s = 0.0
        self.began_s = self.saved_s = clock()
        self.began_done = 0

    def carry_out(self, control: Control) -> Outcome:
        state = self._begin()
        self.began_done = self.task.progress(state).done
        self._tell(state)
        while not self.task.is_done(state):
            if control.should_stop() or control.should_pause():
                self._save(state)
                return self._outcome("cancelled" if control.should_stop() else "paused", state)
            try:
                state, events = self.task.step(self.context, state)
            except Interrupted:
                continue
            self._emit(events)
            self._tell(state)
            if self.clock() - self.saved_s >= self.spec.execution.checkpoint_s:
                self._save(state)
        self._save(state)
        summary, measured = with_measurement(self.spec, self.context, state, self.task.summarize(state))
        self._emit([*measured, _event("finished", reason=summary.reason, metrics=summary.metrics)])
        self.sink.flush()
        return self._outcome("done", state, summary)

    def _begin(self) -> State:
        checkpoint = self.checkpoints.latest() if self.checkpoints else None
        if checkpoint is not None:
            self.seq, self.work_before_s = checkpoint.seq, checkpoint.work_s
            return checkpoint.state
        refuse_if_impossible(self.spec)
        facts = self.task.facts(self.context)
        self._emit([_event("started", digest=digest(self.spec), seed=self.seed, **facts)])
        return self.task.init(self.context)

    def _emit(self, events: list[Event]) -> None:
        numbered = [
            event.model_copy(update={"seq": self.seq + place, "body": plain(event.body)})
            for place, event in enumerate(events, start=1)
        ]
        self.seq += len(numbered)
        if numbered:
            self.sink.write(numbered)

    def _save(self, state: State) -> None:
        self.sink.flush()
        if self.checkpoints is not None:
            self.checkpoints.save(Checkpoint(state, self.seq, self._work_s()))
        self.saved_s = self.clock()

    def _work_s(self) -> float:
        return self.work_before_s + self.clock() - self.began_s

    def _tell(self, state: State) -> None:
        progress = self.task.progress(state)
        done = progress.done - self.began_done
        each_s = (self.clock() - self.began_s) / done if done > 0 else None
        remaining_s = None if each_s is None else each_s * (progress.total - progress.done)
        self.sink.progress(progress, HostTimes(self._work_s(), remaining_s))

    def _outcome(self, status: RunStatus, state: State, summary: Summary | None = None) -> Outcome:
        return Outcome(status, state, summary, self.seq, self._work_s())


def _event(kind: EventKind, **body: object) -> Event:
    return Event(kind=kind, body=body)
