"""From text to stored experiments: all or nothing, saved parts by value, cells, launch, reuse, estimate, delete."""

import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from engine.core.errors import SpecError
from engine.specs.text import digest, load, parse, parse_tree
from tests.webapp.people import People
from tests.webapp.rows import TEXT
from webapp import broker
from webapp.experiments.models import Cell, Experiment, Run, RunState, RunTransition
from webapp.experiments.services import (
    Conflict,
    cancel,
    clone,
    delete,
    estimate,
    launch,
    pause,
    result_of,
    resume,
    reusable,
    submit,
)
from webapp.library.services import create, remove, replace

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 7}]}
GRID = TEXT.replace("seeds: [0]", "seeds: [5, 1]") + "sweep:\n  task.strategy: [{kind: fedavg}, {kind: fedmax}]\n"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> list[str]:
    """Ids of the runs that were sent to the broker."""
    found: list[str] = []
    monkeypatch.setattr("webapp.broker.send", lambda *message: found.append(message[-1]) or True)
    return found


def test_a_grid_becomes_cells_and_one_run_per_seed(people: People) -> None:
    experiment = submit(people.team, people["runner"], GRID)

    assert [cell.label for cell in experiment.cells.all()] == ["strategy=fedavg", "strategy=fedmax"]
    assert len(set(experiment.cells.values_list("digest", flat=True))) == 2
    assert sorted(Run.objects.values_list("cell__index", "seed", "state")) == [
        (0, 1, "draft"),
        (0, 5, "draft"),
        (1, 1, "draft"),
        (1, 5, "draft"),
    ]
    assert load(experiment.text)["sweep"] == {"task.strategy": [{"kind": "fedavg"}, {"kind": "fedmax"}]}
    assert parse(experiment.cells.get(index=1).text).task.strategy.kind == "fedmax"
    assert experiment.launched_at is None
    assert load(clone(experiment)) == load(experiment.text)


def test_saved_parts_are_taken_over_by_value(people: People) -> None:
    fleet = create("fleets", people.team, people["editor"], "boards", FLEET)
    text = re.sub(r"fleet: .*", f"fleet: {{saved: {fleet.pk}}}", TEXT)
    experiment = submit(people.team, people["runner"], text)
    digest = experiment.cells.get().digest

    replace(fleet, people["editor"], "boards", {"groups": [{**FLEET["groups"][0], "count": 99}]})
    remove(fleet, people["editor"])

    assert parse(experiment.cells.get().text).fleet.num_devices == 7
    by_hand = submit(people.team, people["runner"], TEXT.replace("count: 6", "count: 7"))
    assert by_hand.cells.get().digest == digest


BAD = {
    "unknown field": TEXT.replace("rounds: 3", "rounds: 3\n  turns: 4"),
    "wrong type": TEXT.replace("rounds: 3", "rounds: many"),
    "more clients than there are": TEXT.replace("num_clients: 2", "num_clients: 200"),
    "a model that does not fit": TEXT.replace("rpi_4b_4gb", "esp32").replace("hidden: [8]", "hidden: [4000, 4000]"),
    "broken YAML": TEXT + "\n  : [",
    "duplicate keys": TEXT + "version: 1\n",
    "NaN": TEXT.replace("rounds: 3", "local: {lr: .nan}"),
    "10 MB": TEXT + "#" * 10_000_000,
    "an unknown saved part": re.sub(r"fleet: .*", "fleet: {saved: 3f0c}", TEXT),
    "too many runs": TEXT.replace("seeds: [0]", f"seeds: {list(range(600))}") + "sweep:\n  task.local.lr: [0.1, 0.2]\n",
}


def test_a_cell_holds_the_figures_of_its_devices_and_links(people: People) -> None:
    cell = submit(people.team, people["editor"], TEXT).cells.get()

    (group,) = cell.document["fleet"]["groups"]
    assert group["device"]["active_power_w"]["value"] == 6.4
    assert cell.document["network"]["links"]["default"]["up_rate"]["value"] == 40e6
    assert digest(parse_tree(cell.document)) == cell.digest == digest(parse(cell.text))


@pytest.mark.parametrize("name", BAD)
def test_bad_input_stores_nothing(people: People, name: str) -> None:
    with pytest.raises(SpecError) as caught:
        submit(people.team, people["runner"], BAD[name], launch=True)

    assert caught.value.problems
    assert not Experiment.objects.exists()
    assert not Cell.objects.exists()
    assert not Run.objects.exists()


def test_a_data_set_that_cannot_be_fetched_is_refused(
    people: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))
    monkeypatch.setenv("EDGELOOM_OFFLINE", "1")
    monkeypatch.delenv("EDGELOOM_DATA", raising=False)
    text = TEXT.replace("digits", "mnist")

    with pytest.raises(SpecError, match="not on this machine"):
        submit(people.team, people["runner"], text)
    assert not Experiment.objects.exists()


def test_launching_queues_and_sends_after_the_commit(
    people: People, sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    experiment = submit(people.team, people["runner"], GRID)
    with django_capture_on_commit_callbacks() as callbacks:
        launch(experiment, people["runner"])
        assert sent == []  # a worker that is faster than the commit would find nothing
    for callback in callbacks:
        callback()

    order = Run.objects.filter(pk__in=sent).order_by("seed", "cell__index")
    assert sent == [str(run.pk) for run in order]  # both cells of a seed before the next seed
    assert set(Run.objects.values_list("state", flat=True)) == {RunState.QUEUED}
    assert all(Run.objects.values_list("sent_at", flat=True))
    assert RunTransition.objects.first().actor == "runner@example.org"
    with django_capture_on_commit_callbacks(execute=True):
        launch(experiment, people["runner"])  # again: nothing is left to launch
    assert len(sent) == 4


def test_of_many_runs_the_reaper_sends_the_rest(
    people: People, sent: list[str], django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.experiments.submission.SEND_AT_ONCE", 3)
    with django_capture_on_commit_callbacks(execute=True):
        submit(people.team, people["runner"], GRID, launch=True)

    assert len(sent) == 4
    assert sent[-1] == "runs.sweep"
    assert Run.objects.filter(state=RunState.QUEUED, sent_at=None).count() == 1


@pytest.mark.slow
def test_a_broker_that_is_down_delays_a_launch_and_nothing_more(
    people: People, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    broker._sender.cache_clear()
    broker._client.cache_clear()
    with django_capture_on_commit_callbacks(execute=True):
        submit(people.team, people["runner"], GRID, launch=True)
    broker._sender.cache_clear()
    broker._client.cache_clear()

    assert set(Run.objects.values_list("state", "sent_at")) == {(RunState.QUEUED, None)}


def test_finished_equal_runs_of_the_team_are_offered_and_taken_over(people: People) -> None:
    first = submit(people.team, people["runner"], TEXT, launch=True)
    Run.objects.update(state=RunState.DONE, result={"seed": 0}, last_seq=15)
    theirs = submit(people.elsewhere, people["stranger"], TEXT)
    again = submit(people.team, people["runner"], TEXT.replace("A few rounds", "Another name"))

    assert reusable(theirs) == {}
    assert list(reusable(again).values()) == list(Run.objects.filter(cell__experiment=first))
    launch(again, people["runner"])
    taken = Run.objects.get(cell__experiment=again)
    assert (taken.state, taken.last_seq, taken.result) == (RunState.DONE, 15, {"seed": 0})
    anew = submit(people.team, people["runner"], TEXT)
    launch(anew, people["runner"], reuse=False)
    assert Run.objects.get(cell__experiment=anew).state == RunState.QUEUED


@pytest.mark.parametrize("name", ["viewer", "stranger"])
def test_those_who_may_not_run_change_nothing(people: People, name: str) -> None:
    experiment = submit(people.team, people["runner"], TEXT, launch=True)
    run = Run.objects.get()
    with pytest.raises(PermissionDenied):
        submit(people.team, people[name], TEXT)
    for act in (launch, delete):
        with pytest.raises(PermissionDenied):
            act(experiment, people[name])
    for act in (cancel, pause, resume):
        with pytest.raises(PermissionDenied):
            act(run, people[name])
    with pytest.raises(PermissionDenied):
        delete(experiment, people["runner"])
    assert Run.objects.get().state == RunState.QUEUED


def test_waiting_runs_are_steered_at_once_and_running_ones_are_asked(people: People) -> None:
    submit(people.team, people["runner"], TEXT, launch=True)
    run = Run.objects.get()
    pause(run, people["runner"])
    assert Run.objects.get().state == RunState.PAUSED
    resume(run, people["runner"])
    assert Run.objects.get().state == RunState.QUEUED
    Run.objects.update(state=RunState.RUNNING)
    pause(run, people["runner"])
    first = Run.objects.get().wanted_at
    pause(run, people["runner"])
    assert (Run.objects.get().wanted, Run.objects.get().wanted_at) == ("pause", first)
    cancel(run, people["runner"])
    assert (Run.objects.get().state, Run.objects.get().wanted) == (RunState.RUNNING, "cancel")
    Run.objects.update(state=RunState.CANCELLED)
    with pytest.raises(Conflict):
        cancel(run, people["runner"])
    resume(run, people["runner"])
    run.refresh_from_db()
    assert (run.state, run.wanted, run.finished_at) == (RunState.QUEUED, "", None)
    with pytest.raises(Conflict):
        resume(run, people["runner"])


def test_the_result_says_what_is_not_there_yet(people: People) -> None:
    experiment = submit(people.team, people["runner"], GRID)
    assert [cell["state"] for cell in result_of(experiment)["cells"]] == ["draft", "draft"]
    record = {
        "seed": 1,
        "state": "done",
        "reason": "all_rounds",
        "metrics": {"accuracy": 0.5},
        "baselines": {},
        "costs": {"time_s": 3.0},
        "wall_s": 1.5,
        "published": [],
    }
    Run.objects.update(state=RunState.QUEUED)
    Run.objects.filter(seed=1).update(state=RunState.DONE, result=record)

    first, _ = result_of(experiment)["cells"]
    assert (first["label"], first["state"], first["seeds"]) == ("strategy=fedavg", "queued", [1, 5])
    assert first["metrics"]["accuracy"]["values"] == [0.5, None]
    assert first["costs"] == {"time_s": 3.0}


def test_an_estimate_is_given_without_storing_anything(people: People) -> None:
    found = estimate(GRID)

    assert (found["num_cells"], found["num_runs"]) == (2, 4)
    assert [cell["label"] for cell in found["cells"]] == ["strategy=fedavg", "strategy=fedmax"]
    time_s = found["cells"][0]["totals"]["time_s"]
    assert 0 < time_s["low"] <= time_s["expected"] <= time_s["high"]
    assert not Experiment.objects.exists()
    fleet = create("fleets", people.team, people["editor"], "boards", FLEET)
    saved = re.sub(r"fleet: .*", f"fleet: {{saved: {fleet.pk}}}", TEXT)
    assert estimate(saved, people.team)["num_runs"] == 1
    with pytest.raises(SpecError):
        estimate(saved)
