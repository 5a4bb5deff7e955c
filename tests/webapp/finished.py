"""Runs that are done, or told by their log, with the trace that such a run leaves, without training anything."""

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from engine.costs.model import CostModel
from engine.costs.trace import Trace, TraceBuilder
from engine.federated.rounds.cohorts import draw_cohort
from engine.federated.rounds.traffic import Course, add_round, exchange_of, place_of
from engine.federated.task import Federated
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import by_value, parse
from tests.webapp.rows import add_batch
from webapp.experiments.files import keep
from webapp.experiments.log import Frame
from webapp.experiments.models import Artifact, Run, RunState


def trace_of(spec: ExperimentSpec, seed: int) -> Trace:
    """The cohorts that the run draws; device i trains on 40 + i samples in four steps."""
    assert isinstance(spec.task, Federated)
    context, builder = make_context(spec, seed), TraceBuilder()
    exchange, coordination = exchange_of(spec.task), spec.task.coordination
    for number in range(1, spec.task.rounds + 1):
        clients = draw_cohort(spec.task, context, number)
        ways = coordination.ways(clients, place_of(spec.task, context, number))
        sessions = exchange.sessions(clients, 40 + clients, np.full(len(clients), 4))
        add_round(builder, Course(exchange, coordination, ways), sessions)
    return builder.build()


def finish(run: Run) -> Trace:
    """Make a run done: its trace, its file and its costs are there."""
    spec = parse(run.cell.text)
    trace = trace_of(spec, run.seed)
    fleet = spec.fleet.resolve()
    ledger = CostModel(fleet, spec.network.resolve(fleet, run.seed)).cost(trace).ledger
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "trace.safetensors"
        trace.save(place)
        data = place.read_bytes()
    sha256 = keep(data)
    Artifact.objects.create(
        team=run.team, run=run, sha256=sha256, name="trace.safetensors", media_type="application/octet-stream",
        size_bytes=len(data), path=sha256,
    )  # fmt: skip
    run.cell.document = by_value(spec).model_dump(mode="json", exclude={"sweep"})
    run.cell.save(update_fields=["document"])
    run.state = RunState.DONE
    run.result = {"costs": ledger.totals(), "metrics": {"accuracy": 0.5}}
    run.progress_done = run.progress_total = trace.num_rounds
    run.progress_unit = "round"
    run.save()
    return trace


def round_frames(seq: int, number: int, clients: list[int], **cohort: Any) -> list[Frame]:
    """The events of a round as a worker writes them, the first with that number.

    Device i has 40 + i samples and is ready after i + 1 seconds.
    """
    bodies = {
        "cohort": {"round": number, "clients": clients, "dropped": [], "message_bytes": [1000, 2000], **cohort},
        "metrics": {"round": number, "values": {"accuracy": 0.5, "round_time_s": 10.0, "time_s": 10.0 * number}},
        "clients": {
            "round": number,
            "num_clients": len(clients),
            "ids": clients,
            "loss": [0.5] * len(clients),
            "num_samples": [40 + client for client in clients],
            "time_s": [client + 1.0 for client in clients],
        },
        "ledger": {"round": number, "rows": []},
    }
    return [
        {"seq": seq + place, "kind": kind, "sim_time_s": 10.0 * number, "body": body}
        for place, (kind, body) in enumerate(bodies.items())
    ]


def tell(run: Run, frames: list[Frame], *, cuts: Sequence[int] = ()) -> None:
    """Store a log in batches that end at these places, and how many rounds it tells of."""
    for start, end in pairwise([0, *cuts, len(frames)]):
        if end > start:
            add_batch(run, frames[start:end])
    run.progress_done = max((frame["body"]["round"] for frame in frames if "round" in frame["body"]), default=0)
    run.save(update_fields=["progress_done"])
