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
from webapp.inference.previewing import panels
from webapp.library.parts import fleet_of

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


@pytest.mark.slow
def test_the_form_makes_an_experiment_with_panels_beside_it(client_of: SignIn) -> None:
    client = client_of("runner")
    values = form_of(client.get("/experiments/new?kind=inference").content.decode()).values
    assert values["task@kind"] == "inference"
    assert "task:inference.splitter@kind" in values
    filled = values | {
        "name": "Split", "task:inference.dataset@kind": "digits", "task:inference.teacher@kind": "train",
        "task:inference.teacher:train.model@kind": "mlp",
    }  # fmt: skip
    beside = client.post("/experiments/preview", filled).content.decode()
    assert "Who holds what" not in beside, "no data is spread over devices"
    assert beside.count('<th scope="row">') > 3
    assert '<h2 id="panel-pieces">Pieces: ' in beside
    answer = client.post("/experiments/new", filled | {"_do": "save"})
    assert answer.status_code == 302, answer.content.decode()
    experiment = Experiment.objects.get(name="Split")
    assert client.get(f"/experiments/{experiment.pk}/").status_code == 200


@pytest.mark.slow
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


def test_panels_show_the_pieces_and_who_can_hold_them(people: People) -> None:
    # An MLP of 64-4000-10: 64 x 4000 + 4000 and 4000 x 10 + 10 numbers of 4 bytes; the board has 640 kB.
    task = {"dataset": {"kind": "digits"}, "teacher": {"kind": "train", "model": {"kind": "mlp", "hidden": [4000]}}}
    fleet = fleet_of({"groups": [{"name": "tiny", "device": "stm32l4r5"}, {"name": "boards"}]}).resolve()
    seen = panels(people.team, task, fleet)
    assert seen["problems"] == []
    rows = {row.title: row for row in seen["pieces"]}
    assert list(rows) == ["the input", "flatten", "fc1", "head"]
    assert [row.sent for row in rows.values()] == [256, 256, 16_000, 40]
    assert [rows[name].piece.parameter_bytes for name in ("fc1", "head")] == [1_040_000, 160_040]
    tiny, boards = seen["holders"]
    assert (boards.short, boards.num_held) == (0, 3)
    assert tiny.num_held == 2
    assert tiny.short == 1_040_000 + 160_040 + 4 * 8000 - 576_716  # weights, and what goes into and out of the ReLU


def test_panels_of_an_unfinished_task_say_what_is_missing(people: People) -> None:
    assert panels(people.team, {})["problems"] == []
    wrong = panels(people.team, {"dataset": {"kind": "digits"}, "splitter": {"kind": "nonn", "num_students": 0}})
    assert [problem.path for problem in wrong["problems"]] == ["splitter.num_students"]
    assert "table" in wrong
    assert "pieces" not in wrong
    unsuited = panels(
        people.team, {"dataset": {"kind": "digits"}, "splitter": {"kind": "nonn", "num_learned": 100_000}}
    )
    assert [problem.path.split(".")[0] for problem in unsuited["problems"]] == ["splitter"]
