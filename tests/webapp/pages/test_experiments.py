"""Designer, experiment, run and list pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.webapp.markup import form_of
from tests.webapp.people import People
from tests.webapp.rows import add_batch, make_run, metrics
from webapp.experiments import services
from webapp.experiments.models import Experiment, Run, RunState

SignIn = Callable[[str], Client]


def filled(client: Client, designs: dict[str, Any]) -> dict[str, str]:
    """The designer's form with the team's saved parts chosen."""
    address = "/experiments/new?" + "&".join(f"{d.part}={d.pk}" for d in designs.values())
    return form_of(client.get(address).content.decode()).values


def test_an_experiment_is_designed_from_saved_parts_with_a_sweep(client_of: SignIn, designs: dict[str, Any]) -> None:
    client = client_of("runner")
    values = filled(client, designs)
    values |= {"name": "Two strategies", "seeds": "0..2", "sweep#": "0", "sweep.0@path": "task.strategy"}
    values["sweep.0@values"] = "{kind: fedavg}\n{kind: fedmax}"
    answer = client.post("/experiments/new", {**values, "_do": "save"})
    assert answer.status_code == 302, answer.content.decode()
    experiment = Experiment.objects.get()
    assert (experiment.name, experiment.cells.count(), Run.objects.count()) == ("Two strategies", 2, 6)
    assert not Run.objects.exclude(state=RunState.DRAFT).exists()
    page = client.get(answer["Location"]).content.decode()
    assert "Launch 6 runs" in page
    client.post(f"{answer['Location']}launch")
    assert Run.objects.filter(state=RunState.QUEUED).count() == 6


def test_problems_of_the_whole_spec_stand_at_their_fields(client_of: SignIn, designs: dict[str, Any]) -> None:
    client = client_of("runner")
    values = filled(client, designs) | {"task@changes": "sampler: {kind: uniform, num_clients: 200}"}
    answer = client.post("/experiments/new", {**values, "_do": "launch"})
    assert answer.status_code == 422
    assert "task.sampler.num_clients" in answer.content.decode()
    assert not Experiment.objects.exists()


def test_a_saved_part_is_copied_in_to_be_changed(client_of: SignIn, designs: dict[str, Any]) -> None:
    client = client_of("runner")
    values = filled(client, designs) | {"_edit": "copy:task"}
    form = form_of(client.post("/experiments/new", values).content.decode())
    assert form.values["task@saved"] == ""
    assert form.values["task:federated.strategy:fedprox.mu"] == "0.5"


def test_the_estimate_follows_the_form(client_of: SignIn, designs: dict[str, Any]) -> None:
    client = client_of("runner")
    values = filled(client, designs)
    html = client.post("/experiments/estimate", values | {"seeds": "0, 1"}).content.decode()
    assert "Simulated time" in html
    assert "<dd>2<span" in html
    html = client.post("/experiments/estimate", values | {"seeds": "none"}).content.decode()
    assert "1 problem before this can run" in html


@pytest.mark.slow
def test_the_preview_shows_the_task_on_its_own_fleet(client_of: SignIn, designs: dict[str, Any]) -> None:
    client = client_of("runner")
    values = filled(client, designs)
    html = client.post("/experiments/preview", values | {"seeds": "3..5"}).content.decode()
    assert "On the 5 devices of the fleet, seed 3" in html
    assert "5 clients" in html
    assert "Model: mlp" in html
    assert "to spare" in html
    text = """
fleet: {groups: [{name: tiny, device: stm32l4r5, count: 7}]}
task: {kind: federated, dataset: {kind: mnist}, model: {kind: mcmahan_cnn}}
"""
    html = client.post("/experiments/preview", {"_yaml": text}).content.decode()
    assert "On the 7 devices" in html
    assert "bytes short" in html
    assert "Model: mcmahan_cnn" in html


def test_the_preview_says_what_it_cannot_show_and_shows_the_rest(client_of: SignIn, designs: dict[str, Any]) -> None:
    client = client_of("runner")
    values = filled(client, designs)
    lost = values | {"fleet@saved": "00000000-0000-0000-0000-000000000000"}
    html = client.post("/experiments/preview", lost).content.decode()
    assert "fleet.saved" in html
    assert "Model: mlp" in html
    assert "clients" not in html
    html = client.post("/experiments/preview", {"_yaml": "fleet: {groups: [{count: 0}]}\ntask: {kind: federated}"})
    assert "fleet.groups.0.count" in html.content.decode()
    assert client.post("/experiments/preview", {"_yaml": "fleet: ["}).status_code == 200
    assert client.post("/experiments/preview", {"_yaml": "- 1"}).status_code == 200


@pytest.mark.slow
def test_a_clone_begins_with_the_text_of_its_parent(client_of: SignIn, designs: dict[str, Any]) -> None:
    client = client_of("runner")
    client.post("/experiments/new", filled(client, designs) | {"name": "First", "_do": "save"})
    parent = Experiment.objects.get()
    form = form_of(client.get(f"/experiments/new?clone={parent.pk}").content.decode())
    assert form.values["name"] == "First"
    client.post(f"/experiments/new?clone={parent.pk}", form.values | {"name": "Second", "_do": "save"})
    clone = Experiment.objects.get(name="Second")
    assert clone.parent == parent
    assert services.clone(clone).replace("Second", "First") == services.clone(parent)


def test_a_run_page_shows_what_is_known_and_where_the_stream_begins(client_of: SignIn, people: People) -> None:
    run = make_run(people.team, RunState.RUNNING, progress_done=2, progress_total=3, progress_unit="round")
    add_batch(run, [metrics(1, 1, accuracy=0.5, time_s=2.0), metrics(2, 2, accuracy=0.75, time_s=4.0)])
    html = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert "round 2 of 3" in html
    assert 'data-kpi="accuracy">75.0' in html
    assert '"after": 0' in html
    assert '"accuracy": {"steps": [1, 2], "values": [0.5, 0.75]}' in html


def test_a_failed_run_says_why_and_what_to_do(client_of: SignIn, people: People) -> None:
    failure = {
        "code": "data_unavailable",
        "message": "mnist is not here",
        "remedy": "Put it there.",
        "log_tail": ["a", "b"],
    }
    run = make_run(people.team, RunState.FAILED, failure=failure)
    html = client_of("runner").get(f"/runs/{run.pk}/").content.decode()
    assert "The run failed: mnist is not here" in html
    assert "Put it there." in html
    assert f"/runs/{run.pk}/resume" in html


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        (RunState.QUEUED, {"pause", "cancel"}),
        (RunState.RUNNING, {"pause", "cancel"}),
        (RunState.PAUSED, {"resume", "cancel"}),
        (RunState.DONE, set()),
        (RunState.CANCELLED, {"resume"}),
    ],
)
def test_buttons_fit_the_state_and_the_role(client_of: SignIn, people: People, state: str, buttons: set[str]) -> None:
    run = make_run(people.team, state)
    html = client_of("runner").get(f"/runs/{run.pk}/").content.decode()
    assert {name for name in ("pause", "cancel", "resume") if f"/runs/{run.pk}/{name}" in html} == buttons
    seen = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert not any(f"/runs/{run.pk}/{name}" in seen for name in ("pause", "cancel", "resume"))


@pytest.mark.slow
def test_steering_is_for_runners_and_says_when_it_comes_too_late(client_of: SignIn, people: People) -> None:
    run = make_run(people.team, RunState.QUEUED)
    assert client_of("viewer").post(f"/runs/{run.pk}/cancel").status_code == 403
    assert client_of("stranger").post(f"/runs/{run.pk}/cancel").status_code == 404
    client_of("runner").post(f"/runs/{run.pk}/cancel")
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    answer = client_of("runner").post(f"/runs/{run.pk}/pause", follow=True)
    assert "cancelled cannot become paused" in answer.content.decode()


def test_lists_filter_by_name_and_state(client_of: SignIn, people: People) -> None:
    make_run(people.team, RunState.DONE)
    make_run(people.team, RunState.QUEUED, seed=1)
    client = client_of("viewer")
    for address in ("/runs/", "/experiments/"):
        assert client.get(address).content.decode().count('class="row"') == 2
        assert client.get(f"{address}?state=done").content.decode().count('class="row"') == 1
        assert client.get(f"{address}?q=hand").content.decode().count('class="row"') == 2
        assert client.get(f"{address}?q=nothing").content.decode().count('class="row"') == 0


def test_an_experiment_is_deleted_after_a_question(client_of: SignIn, people: People) -> None:
    run = make_run(people.team, RunState.DONE)
    address = f"/experiments/{run.cell.experiment.pk}/delete"
    assert client_of("runner").get(address).status_code == 403
    assert "Keep it" in client_of("editor").get(address).content.decode()
    client_of("editor").post(address)
    assert not Run.objects.exists()
