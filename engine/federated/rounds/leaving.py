"""Clients that go away in the middle of a round, where the fleet goes by simulated time."""

from typing import TYPE_CHECKING

import numpy as np

from engine.federated.rounds.sessions import Floats, Ints, Sessions, Times
from engine.federated.scheduler import AWAY, Called, Decision, RoundScheduler, dropping

if TYPE_CHECKING:
    from engine.task.contract import Context


def departures(context: "Context", clients: Ints, times: Times, start: tuple[int, float]) -> Floats:
    """(m,) when each client is missed, from the start of its session's round; infinite where it stays.

    A client must be there when the message down is through, when its training ends and the message up begins, and when
    that is through. Meanwhile it may be away: training needs no network.

    Args:
        context: the fleet and the run's seed.
        clients: (m,) ids.
        times: of their sessions.
        start: the round, and the simulated time at which it starts.
    """
    missed = np.full(len(clients), np.inf)
    if not context.fleet.is_timed:
        return missed
    number, start_s = start
    for moments in (times.received, times.trained, times.sent):
        open_ = np.flatnonzero(np.isinf(missed))
        there = context.fleet.reachable_then(clients[open_], (number, start_s + moments[open_]), context.seed)
        gone = open_[~there]
        missed[gone] = moments[gone]
    return missed


def decide(scheduler: RoundScheduler, context: "Context", called: Called, start: tuple[int, float]) -> Decision:
    """How a round goes: as its scheduler says of clients that stay, without those that go away.

    Args:
        scheduler: of the task.
        context: the fleet and the run's seed.
        called: whom the round has called.
        start: the round, and the simulated time at which it starts.
    """
    if not context.fleet.is_timed:
        return scheduler.decide(called)

    def measure(sessions: Sessions) -> Times:
        times = called.measure(sessions)
        away = np.isfinite(departures(context, sessions.client, times, start))
        return Times(times.begun, times.received, times.trained, np.where(away, np.inf, times.sent))

    decision = scheduler.decide(Called(called.sessions, called.sizes, called.batch_size, measure))
    times = called.measure(called.sessions)
    missed = departures(context, called.sessions.client, times, start)
    is_over = np.inf if decision.length_s is None else decision.length_s
    counts = decision.sessions.counts > 0
    leaves = ~counts & (missed < is_over)
    if counts.any():
        leaves[counts] = np.isinf(measure(decision.sessions.take(counts)).sent)
    if not leaves.any():
        return decision
    short = dropping(called.sessions, times, leaves, np.where(np.isfinite(missed), missed, times.received)).columns()
    kept = decision.sessions.columns()
    sessions = Sessions.from_columns({name: np.where(leaves, short[name], kept[name]) for name in kept})
    reasons = {**decision.reasons, **dict.fromkeys(sessions.client[leaves].tolist(), AWAY)}
    return Decision(sessions, reasons, decision.length_s)
