"""What a run is expected to do, from the spec alone: the basis of estimates, also in the web process."""

from typing import TYPE_CHECKING

import numpy as np

from engine.costs.trace import Trace, TraceBuilder
from engine.federated.asking import Asked
from engine.federated.cohorts import expected, waiting_s
from engine.federated.population import shard_count
from engine.federated.traffic import add_round, exchange_of, round_trace
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
    return task.dataset.num_samples("train") / shards


def expected_trace(task: "Federated", context: Context) -> Trace:
    """The first rounds' cohorts as they will be drawn, each standing for its share of all rounds.

    Clients count with the mean number of samples: which samples a client holds is known only with the data. The time
    that the server waits for devices, and batteries that run empty, are left out.
    """
    exchange = exchange_of(task)
    cohort_size = task.sampler.cohort_size(context.fleet.num_devices)
    written = max(1, min(task.rounds, MOST_ROUNDS, MOST_ITEMS // (3 * cohort_size)))
    share, rest = divmod(task.rounds, written)
    each = mean_samples(task, context.fleet.num_devices)
    samples = max(1, round(each * task.local.epochs))
    steps = max(1, -(-round(each) // task.local.batch_size)) * task.local.epochs
    builder, time_s = TraceBuilder(), 0.0
    for number in range(1, written + 1):
        if context.fleet.is_timed:
            time_s += waiting_s(context, Moment(number, time_s))
        chosen = expected(task, context, Moment(number, time_s), each)
        clients = chosen.clients
        asked = Asked.of(chosen.asked, np.full(len(chosen.asked), max(1, round(each))), exchange.bytes_down)
        who = asked.spares(exchange.sessions(clients, np.full(len(clients), samples), np.full(len(clients), steps)))
        add_round(builder, exchange.work, who, repeats=share + (number <= rest), asked=asked)
        if context.fleet.is_timed:
            trace = round_trace(exchange.work, who, asked=asked).trace
            cost = context.cost_model.cost(trace, time_s, method="closed_form", first_round=number - 1)
            time_s = cost.end_s_total
    return builder.build()
