"""What a run is expected to do, from the spec alone: the basis of estimates, also in the web process."""

from typing import TYPE_CHECKING

import numpy as np

from engine.costs.trace import Trace, TraceBuilder
from engine.federated.coordination import RoundPlace
from engine.federated.rounds.asking import Asked
from engine.federated.rounds.cohorts import expected, waiting_s
from engine.federated.rounds.population import shard_count
from engine.federated.rounds.sessions import Sessions, Times
from engine.federated.rounds.traffic import Course, add_round, exchange_in, local_work, place_of, round_trace
from engine.federated.scheduler import Called, RoundScheduler
from engine.fleet.availability import Moment
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.federated.task import Federated

MOST_ROUNDS = 16
"""Rounds whose real cohorts stand for all; their spread is the spread of the estimate."""

MOST_ITEMS = 100_000
"""Items of an expected trace, about; larger cohorts are represented by fewer rounds."""


def mean_samples(task: "Federated", num_devices: int) -> float:
    """Training samples per client, on average over all."""
    shards = shard_count(task.dataset, task.partitioner(), num_devices)
    share = 1.0
    if task.evaluation.personalized and not task.partitioner().reads_own_clients(task.dataset):
        share -= task.evaluation.held_out_share
    return share * task.dataset.num_samples("train") / shards


def expected_session(task: "Federated", context: Context, clients: np.ndarray, each: float) -> Sessions:
    """What clients do in a round if each has so many samples."""
    samples, steps = (int(column[0]) for column in local_work(task.local, np.array([max(1, round(each))])))
    samples = max(1, round(each * samples / max(1, round(each))))
    return exchange_in(task, context).sessions(clients, np.full(len(clients), samples), np.full(len(clients), steps))


def expected_trace(task: "Federated", context: Context) -> Trace:
    """The first rounds' cohorts as they will be drawn, each standing for its share of all rounds.

    Clients count with the mean number of samples: which samples a client holds is known only with the data. The time
    that the server waits for devices, and batteries that run empty, are left out.
    """
    written = _written(task, context)
    share, rest = divmod(task.rounds, written)
    builder, time_s, holders = TraceBuilder(), 0.0, frozenset[int]()
    for number in range(1, written + 1):
        if context.fleet.is_timed:
            time_s += waiting_s(context, Moment(number, time_s))
        place = place_of(task, context, number, holders)
        course, sessions, asked = _expected_round(task, context, place, time_s)
        holders = task.coordination.holders_after(sessions.client, place)
        add_round(builder, course, sessions, repeats=share + (number <= rest), asked=asked)
        if context.fleet.is_timed:
            trace = round_trace(course, sessions, asked=asked).trace
            cost = context.cost_model.cost(trace, time_s, method="closed_form", first_round=number - 1)
            time_s = cost.end_s_total
    return builder.build()


def _written(task: "Federated", context: Context) -> int:
    """Rounds that stand for all: whole periods of the coordination, where there is room for one."""
    cohort_size = task.sampler.cohort_size(context.fleet.num_devices)
    written = max(1, min(task.rounds, MOST_ROUNDS, MOST_ITEMS // (3 * cohort_size)))
    period = task.coordination.period
    return written if written == task.rounds or written < period else written - written % period


def _expected_round(
    task: "Federated", context: Context, place: RoundPlace, time_s: float
) -> tuple[Course, Sessions, Asked]:
    """A round as it would be drawn: who is asked, who begins, and what each does until it drops out."""
    each, exchange = mean_samples(task, context.fleet.num_devices), exchange_in(task, context)
    chosen = expected(task, context, Moment(place.number, time_s), each)
    size = max(1, round(each))
    asked = Asked.of(chosen.asked, np.full(len(chosen.asked), size), place.bytes_down)
    sessions = asked.spares(expected_session(task, context, chosen.clients, each))

    def course(some: Sessions) -> Course:
        return Course(exchange, task.coordination, task.coordination.ways(some.client, place))

    def measure(some: Sessions) -> Times:
        made = round_trace(course(some), some, asked=asked)
        cost = context.cost_model.cost(made.trace, time_s, method="closed_form", first_round=place.number - 1)
        return made.items.times(cost.start_s - time_s, cost.end_s - time_s)

    assert isinstance(task.scheduler, RoundScheduler)
    called = Called(sessions, np.full(len(sessions), size), task.local.batch_size, measure)
    return course(sessions), task.scheduler.decide(called).sessions, asked
