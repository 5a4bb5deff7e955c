"""Pages of distributed inference: its form, what stands beside it, and a run from start to end."""

from collections.abc import Callable

import pytest
from django.test import Client

from engine.runs.loop import run as carry_out
from engine.runs.sinks import MemorySink
from engine.runs.summary import record_of
from engine.specs.context import make_context
from engine.specs.text import parse
from tests.webapp.markup import form_of
from tests.webapp.people import People
from tests.webapp.rows import add_batch, make_run
from webapp.experiments.models import Experiment, RunState

SignIn = Callable[[str], Client]

TEXT = """\
version: 1
name: Split
seeds: [0]
fleet: {groups: [{name: boards, count: 3}]}
task:
  kind: inference
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [8]}, training: {epochs: 1}}
  splitter: {kind: channel}
  objective: memory
  requests: {count: 5}
"""


def test_the_form_makes_an_experiment_with_panels_beside_it(client_of: SignIn) -> None:
    client = client_of("runner")
    values = form_of(client.get("/experiments/new?kind=inference").content.decode()).values
    assert values["task@kind"] == "inference"
    assert "task:inference.splitter@kind" in values
    filled = values | {
        "name": "Split", "task:inference.dataset@kind": "digits", "task:inference.teacher@kind": "train",
        "task:inference.teacher:train.model@kind": "mlp",
    }  # fmt: skip
    assert client.post("/experiments/preview", filled).status_code == 200
    answer = client.post("/experiments/new", filled | {"_do": "save"})
    assert answer.status_code == 302, answer.content.decode()
    experiment = Experiment.objects.get(name="Split")
    assert client.get(f"/experiments/{experiment.pk}/").status_code == 200


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.DONE])
def test_the_page_of_a_run_shows_its_log(people: People, client_of: SignIn, state: RunState) -> None:
    run, sink, spec = make_run(people.team, state, text=TEXT), MemorySink(), parse(TEXT)
    outcome = carry_out(spec, 0, context=make_context(spec, 0), sink=sink)
    assert outcome.summary is not None
    add_batch(run, [event.model_dump() for event in sink.events])
    if state == RunState.DONE:
        run.result = record_of(0, "done", 1.0, outcome.summary)
        run.save()
    page = client_of("viewer").get(f"/runs/{run.pk}/")
    assert page.status_code == 200
    accuracy = outcome.summary.metrics["accuracy"]
    assert f"{100 * accuracy:.1f}" in page.content.decode()
    assert client_of("viewer").get(f"/experiments/{run.cell.experiment.pk}/").status_code == 200
