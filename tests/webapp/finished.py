"""Runs that are done, with the trace that such a run leaves, without training anything."""

import tempfile
from pathlib import Path

import numpy as np

from engine.costs.model import CostModel
from engine.costs.trace import Trace, TraceBuilder
from engine.federated.cohorts import draw_cohort
from engine.federated.task import Federated
from engine.federated.traffic import Participation, add_round, exchange_of
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import by_value, parse
from webapp.experiments.files import keep
from webapp.experiments.models import Artifact, Run, RunState


def trace_of(spec: ExperimentSpec, seed: int) -> Trace:
    """The cohorts that the run draws; device i trains on 40 + i samples in four steps."""
    assert isinstance(spec.task, Federated)
    context, builder = make_context(spec, seed), TraceBuilder()
    exchange = exchange_of(spec.task)
    for number in range(1, spec.task.rounds + 1):
        clients = draw_cohort(spec.task, context, number)
        add_round(builder, exchange, Participation(clients, 40 + clients, np.full(len(clients), 4)))
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
