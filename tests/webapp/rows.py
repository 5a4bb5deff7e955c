"""Runs made by hand, for tests of what happens to rows without computing anything."""

import hashlib
from typing import Any

from django.utils import timezone

from webapp.experiments.log import Frame, pack
from webapp.experiments.models import Cell, EventBatch, Experiment, Run, RunState
from webapp.teams.models import Team

TEXT = """\
version: 1
name: A few rounds on digits
seeds: [0]
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 6}]}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: iid}
  model: {kind: mlp, hidden: [8]}
  sampler: {kind: uniform, num_clients: 2}
  rounds: 3
"""


def make_run(team: Team, state: str = RunState.QUEUED, *, seed: int = 0, text: str = TEXT, **fields: Any) -> Run:
    """A run of a new experiment of one cell."""
    experiment = Experiment.objects.create(team=team, name="By hand", text=text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    cell = Cell.objects.create(experiment=experiment, index=0, digest=digest, text=text)
    return Run.objects.create(team=team, cell=cell, seed=seed, state=state, **fields)


def metrics(seq: int, step: int, **values: float | None) -> Frame:
    """A metrics event as it stands in the log."""
    return {"seq": seq, "kind": "metrics", "sim_time_s": step * 2.0, "body": {"round": step, "values": values}}


def add_batch(run: Run, events: list[Frame]) -> EventBatch:
    """Store a batch of the log."""
    run.last_seq = events[-1]["seq"]
    run.save(update_fields=["last_seq"])
    return EventBatch.objects.create(
        run=run, seq_first=events[0]["seq"], seq_last=run.last_seq, at=timezone.now(), data=pack(events)
    )
