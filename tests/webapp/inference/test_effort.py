"""No page and no call waits for a placer that may take long: what it would find is known when it runs."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from engine.core.errors import EngineError, SpecError
from engine.inference.placer import Placer, placers
from engine.specs.text import load, parse
from tests.engine.inference.test_effort import ALONE, NO_PLAN
from tests.webapp.api.client import Api, codes
from tests.webapp.inference.test_planner import design
from tests.webapp.people import People
from webapp.experiments import boards, estimating, expectations
from webapp.experiments.engine_process import TakesTooLong
from webapp.experiments.models import Cell, Experiment, Run, RunState
from webapp.experiments.services import estimate, launch, submit
from webapp.inference import planner
from workers.driver import drive

SWEEP = "\nsweep: {task.requests.count: [1, 2, 3, 4, 5, 6, 7, 8]}\n"
SLOW = {
    "exhaustive": ALONE.replace("{kind: exhaustive}", "{kind: exhaustive, most: 10000000}").replace(
        "  cloud: cloud", "  cloud: cloud\n  splitter: {kind: channel, num_slices: 3}"
    ),
    "ilp": ALONE.replace("{kind: exhaustive}", "{kind: ilp}"),
    "by_speed": ALONE.replace("{kind: exhaustive}", "{kind: ilp}").replace(
        "  cloud: cloud", "  cloud: cloud\n  splitter: {kind: channel, by_speed: true}"
    ),
}


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Kinds of the placers that were asked in this process."""
    found: list[str] = []

    def noted(kind: str, find: Callable[..., Any]) -> Callable[..., Any]:
        def of(placer: Placer, problem: Any) -> Any:
            found.append(kind)
            return find(placer, problem)

        return of

    for kind, cls in placers.members().items():
        monkeypatch.setattr(cls, "find", noted(kind, cls.find))
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The words that the engine's process was given, which never ends in time."""
    found: list[list[str]] = []

    def answer_of(words: list[str], *, limit_s: float, given: bytes) -> Any:
        assert limit_s <= 60
        found.append(words)
        raise TakesTooLong

    for module in (planner, estimating):
        monkeypatch.setattr(module, "answer_of", answer_of)
    return found


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_a_grid_is_stored_without_placing(people: People, placed: list[str], text: str) -> None:
    experiment = submit(people.team, people["runner"], text + SWEEP)
    assert experiment.cells.count() == 8
    assert list(experiment.cells.values_list("estimate", flat=True)) == [None] * 8
    assert boards.picture_of(experiment.cells.all()[0].document) is not None
    assert not placed


@pytest.mark.slow
def test_what_is_quick_is_expected_as_before(people: People, placed: list[str]) -> None:
    cell = submit(people.team, people["runner"], ALONE).cells.get()
    assert cell.estimate is not None
    assert cell.estimate["metrics"]["latency_s"] > 0
    assert placed
    with pytest.raises(SpecError, match="keeps to the constraints"):
        submit(people.team, people["runner"], ALONE + "  rules: {deadline_s: 1.0e-6}\n")


@pytest.mark.slow
def test_forms_and_calls_answer_without_placing(
    people: People,
    client_of: Callable[[str], Client],
    placed: list[str],
    asked: list[list[str]],
) -> None:
    text = SLOW["exhaustive"] + SWEEP
    api = Api(user=people["runner"])
    made = api("POST", "/experiments", load(text))
    assert made.status_code == 201
    estimated = api("POST", "/estimates", load(text))
    assert codes(estimated) == {"fleet": "estimate_too_slow"}
    client = client_of("runner")
    sent = design(client, text)
    foot = client.post("/experiments/estimate", sent).content.decode()
    assert "fewer settings or another placer" in foot
    assert "lanning takes over 60 s" in client.post("/experiments/plan", sent).content.decode()
    won = client.post("/experiments/plan/winners", {**sent, "plan:axes": "rtt devices"}).content.decode()
    assert "lanning takes over 60 s" in won
    stored = client.post("/experiments/new", {**sent, "_do": "launch"})
    assert stored.status_code == 302
    assert [words[0] for words in asked] == ["estimate", "estimate", "plan", "plan"]
    assert not placed


def test_an_estimate_tells_what_the_engine_refuses(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: Any, **options: Any) -> Any:
        raise EngineError("task.placer: there is no plan")

    monkeypatch.setattr(estimating, "answer_of", refuse)
    with pytest.raises(SpecError, match="there is no plan"):
        estimate(SLOW["ilp"], people.team)


@pytest.mark.django_db(transaction=True)
def test_the_worker_refuses_in_the_words_of_the_check(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.broker.send", lambda *message: True)
    monkeypatch.setattr(placers["exhaustive"], "effort", lambda placer, size: None)
    text = ALONE + "  rules: {deadline_s: 1.0e-6}\n"
    experiment: Experiment = submit(people.team, people["runner"], text)
    launch(experiment, people["runner"])
    run = Run.objects.get()
    drive(run.pk, job_id=str(uuid.uuid4()), owner="here")
    run.refresh_from_db()
    with pytest.raises(SpecError) as caught:
        parse(ALONE, settings=[NO_PLAN])
    assert run.state == RunState.FAILED
    assert run.failure is not None
    assert run.failure["message"] == str(caught.value)


def test_the_worker_expects_what_the_web_left_open(people: People) -> None:
    submit(people.team, people["runner"], SLOW["ilp"])
    cell = Cell.objects.get()
    assert cell.estimate is None
    expectations.keep_expected(cell, parse(cell.text))
    assert Cell.objects.get().estimate["metrics"]["latency_s"] > 0
