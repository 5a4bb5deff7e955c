"""A study by hand: experiments with runs whose numbers are known, without computing anything."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db import transaction

from engine.core.streams import stream
from engine.runs.summary import record_of
from engine.specs.text import canonical, cells, digest, parse
from engine.task.context import Summary
from tests.webapp.rows import add_batch
from webapp.experiments.models import Cell, Experiment, Run, RunState
from webapp.teams.models import Team

TEXT = """\
version: 1
name: {name}
seeds: {seeds}
fleet: {{groups: [{{name: boards, device: rpi_4b_4gb, count: 12}}]}}
network: {{topology: {{kind: star}}, links: {{boards: wifi4_linux}}}}
task:
  kind: federated
  dataset: {{kind: digits}}
  partition: {{kind: shards, classes_per_client: 2}}
  model: {{kind: mlp, hidden: [32]}}
  sampler: {{kind: uniform, num_clients: 4}}
  rounds: {rounds}
sweep:
  task.strategy: {strategies}
"""

FEDAVG, FEDMAX, FEDPROX = "{kind: fedavg}", "{kind: fedmax}", "{kind: fedprox, mu: 0.1}"
COSTS = {"time_s": 100.0, "energy_j": 40.0, "bytes_up": 2e6, "bytes_down": 1e6, "share_recalled": 0.25}


def make_experiment(
    team: Team, strategies: Sequence[str], seeds: Sequence[int], *, name: str = "A study", rounds: int = 3
) -> Experiment:
    """An experiment of one cell per strategy, its runs queued."""
    text = TEXT.format(name=name, seeds=list(seeds), strategies=f"[{', '.join(strategies)}]", rounds=rounds)
    spec = parse(text)
    with transaction.atomic():
        experiment = Experiment.objects.create(team=team, name=name, text=canonical(spec))
        for index, cell in enumerate(cells(spec)):
            stored = Cell.objects.create(
                experiment=experiment,
                index=index,
                label=cell.label,
                overrides=dict(cell.overrides),
                digest=digest(cell.spec),
                text=canonical(cell.spec),
            )
            Run.objects.bulk_create(
                Run(team=team, cell=stored, seed=seed, state=RunState.QUEUED) for seed in spec.seeds
            )
    return experiment


def run_of(experiment: Experiment, cell: int, seed: int) -> Run:
    """A run by its place."""
    return Run.objects.get(cell__experiment=experiment, cell__index=cell, seed=seed)


def finish(run: Run, metrics: Mapping[str, float], costs: Mapping[str, float] | None = None) -> None:
    """Let a run be done with these final values."""
    summary = Summary(metrics=dict(metrics), reason="all_rounds", costs=dict(COSTS if costs is None else costs))
    run.state, run.result = RunState.DONE, record_of(run.seed, "done", 1.0, summary)
    run.save()


def finish_all(experiment: Experiment, accuracies: Sequence[Sequence[float]]) -> None:
    """Let all runs be done: accuracies by cell, and within it by rising seed."""
    for cell, values in zip(experiment.cells.order_by("index"), accuracies, strict=True):
        for run, value in zip(cell.runs.order_by("seed"), values, strict=True):
            finish(run, {"accuracy": value})


def tell(run: Run, points: Sequence[Mapping[str, Any]], clients: Sequence[Mapping[str, Any]] = ()) -> None:
    """Let a run say metrics, one round after the other, and what its clients did."""
    events: list[dict[str, Any]] = []
    for number, values in enumerate(points, start=1):
        said = dict(values)
        step = said.pop("round", number)
        events.append(_event(len(events) + 1, "metrics", {"round": step, "values": said}))
    events += [_event(len(events) + 1 + place, "clients", dict(body)) for place, body in enumerate(clients)]
    add_batch(run, events)


def _event(seq: int, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"seq": seq, "kind": kind, "sim_time_s": float(seq), "body": body}


def make_study(team: Team, strategies: Sequence[str], seeds: Sequence[int], *, rounds: int = 40) -> Experiment:
    """Finished runs that look like real ones, for pictures and journeys: the later a strategy, the better it learns."""
    experiment = make_experiment(team, strategies, seeds, name="Does FedMAX need fewer rounds?", rounds=rounds)
    for place, cell in enumerate(experiment.cells.order_by("index")):
        for run in cell.runs.order_by("seed"):
            draw = stream(run.seed, "study", place)
            shared = stream(run.seed, "study").normal(
                0, 0.02
            )  # equal seeds have equal luck: that is what pairs are for
            _play(run, draw, 0.86 + 0.022 * place + shared, rounds)
    return experiment


def _play(run: Run, draw: np.random.Generator, goal: float, rounds: int) -> None:
    step = np.arange(1, rounds + 1)
    accuracy = np.clip(goal * (1 - 0.8 * np.exp(-step / 7.0)) + draw.normal(0, 0.008, rounds), 0, 1)
    time, energy = np.cumsum(draw.uniform(2.0, 3.0, rounds)), np.cumsum(draw.uniform(5.0, 7.0, rounds))
    points, clients = [], []
    for at, number in enumerate(step.tolist()):
        loss = float(2.3 * np.exp(-number / 9.0) + 0.1)
        points.append(
            {
                "accuracy": float(accuracy[at]), "loss": loss, "train_loss": 0.8 * loss, "time_s": float(time[at]),
                "energy_j": float(energy[at]), "bytes_up": 25_000.0 * number, "bytes_down": 25_000.0 * number,
            }
        )  # fmt: skip
        ids = np.sort(draw.choice(12, 4, replace=False)).tolist()
        columns = {"loss": (loss * draw.uniform(0.6, 1.5, 4)).tolist(), "time_s": draw.uniform(1, 3, 4).tolist()}
        clients.append({"round": number, "num_clients": 4, "ids": ids, "num_samples": [30] * 4, **columns})
    tell(run, points, clients)
    run.progress_done = run.progress_total = rounds
    costs = {**COSTS, "time_s": float(time[-1]), "energy_j": float(energy[-1]), "bytes_up": 25e3 * rounds}
    final = {name: points[-1][name] for name in ("accuracy", "loss", "train_loss")}
    finish(run, final | {"rounds": float(rounds)}, costs)
