"""The trace of asynchronous training: sessions one after the other in the places that the sampler gives."""

import heapq
from typing import TYPE_CHECKING

import numpy as np

from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.federated.asynchronous.flights import Flights
from engine.federated.expectation import expected_session, mean_samples
from engine.federated.rounds.history import records
from engine.federated.rounds.sessions import Sessions, add_sessions
from engine.federated.rounds.traffic import exchange_of
from engine.federated.schedulers.buffered import Buffered
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.federated.task import Federated

DEEPEST = 500
"""Sessions one after the other in one round of a trace; then all places begin anew, which costs little time."""

MOST_SESSIONS = 1000
"""Sessions that are written into an expected trace at most; they then stand for more."""

FEW = 4
"""Up to so many times as many devices as places, an expected trace lets each place keep its device."""


class _Chains:
    """A trace in which sessions begin when others end.

    Args:
        work: one forward pass over one sample.
    """

    def __init__(self, work: Work) -> None:
        self.builder, self.work = TraceBuilder(), work
        self._last: dict[int, tuple[int, int]] = {}

    def add(self, number: int, session: Sessions, cause: int) -> None:
        """Add a session by its number; it begins at the end of another one, or with the round."""
        after, depth = self._last.get(cause, (None, 0))
        if depth >= DEEPEST:
            self.restart()
            after, depth = None, 0
        last = add_sessions(self.builder, self.work, session, after=after).last
        if len(last):
            self._last[number] = (int(last[0]), depth + 1)

    def restart(self, *, repeats: int = 1) -> None:
        """Begin another round of the trace."""
        self._last.clear()
        self.builder.next_round(repeats=repeats)


def trace_of(task: "Federated", state: State) -> Trace:
    """The sessions so far, each after the one whose end let it begin."""
    chains = _Chains(exchange_of(task).work)
    for record in records(state.tensors):
        flights = Flights.from_columns(record)
        for row, (number, cause) in enumerate(zip(flights.number.tolist(), flights.cause.tolist(), strict=True)):
            chains.add(number, flights.sessions.take(np.array([row])), cause)
    return chains.builder.build()


def expected_trace(task: "Federated", context: Context) -> Trace:
    """Sessions of devices drawn evenly, as many as the server's steps need.

    No device has two sessions in one round of the trace unless the second begins when the first one ends: what it waits
    in between is none of the run's.
    """
    assert isinstance(task.scheduler, Buffered)
    num_devices = context.fleet.num_devices
    places = task.sampler.cohort_size(num_devices)
    total = task.rounds * task.scheduler.buffer_size
    parts = -(-total // MOST_SESSIONS)
    count = -(-total // parts)
    fixed = num_devices < FEW * places
    size = count if fixed else min(count, num_devices)
    draw = context.stream("expected sessions")
    chains = _Chains(exchange_of(task).work)
    for first in range(0, count, size):
        chains.restart(repeats=parts)
        devices = draw.choice(num_devices, size=min(places if fixed else size, num_devices), replace=False)
        _round(task, context, chains, (devices, min(size, count - first)))
    return chains.builder.build()


def _round(task: "Federated", context: Context, chains: _Chains, what: tuple[np.ndarray, int]) -> None:
    """So many sessions of these devices, in turn: each place takes the next device when it is free."""
    devices, count = what
    places = task.sampler.cohort_size(context.fleet.num_devices)
    each = mean_samples(task, context.fleet.num_devices)
    waiting = iter(devices.tolist())
    free: list[tuple[float, int, int]] = []
    for number in range(count):
        now, cause, device = heapq.heappop(free) if len(free) >= min(places, count) else (0.0, -1, -1)
        device = next(waiting, device)
        session = expected_session(task, context, np.array([device]), each)
        chains.add(number, session, cause)
        heapq.heappush(free, (now + _length_s(context, chains.work, session), number, device))


def _length_s(context: Context, work: Work, session: Sessions) -> float:
    """How long a session takes by itself, kept by the process for each device."""
    known: dict[int, float] = context.cache.setdefault("session_s", {})
    device = int(session.client[0])
    if device not in known:
        builder = TraceBuilder()
        add_sessions(builder, work, session)
        known[device] = float(context.cost_model.cost(builder.build(), method="closed_form").round_s[0])
    return known[device]
