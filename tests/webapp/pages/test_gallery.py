"""Starter designs: each question opens the designer with its design, and what the form sends is that design."""

from collections.abc import Callable

import pytest
from django.test import Client

from engine.specs.text import canonical, parse
from tests.webapp.markup import form_of
from webapp.experiments import gallery
from webapp.experiments.models import Experiment, Run

SignIn = Callable[[str], Client]
QUESTIONS = gallery.questions()


@pytest.mark.slow
def test_every_design_says_its_question_and_what_to_look_for() -> None:
    assert len({question.question for question in QUESTIONS}) == len(QUESTIONS) >= 10
    for question in QUESTIONS:
        spec = parse(question.text)
        assert spec.name == question.question
        assert question.question.endswith("?")
        assert len(spec.seeds) == 3
        assert spec.sweep
        assert question.look_for.count(". ") == 1, "two sentences"


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_the_form_of_a_question_saves_its_design_unchanged(client_of: SignIn, question: gallery.Question) -> None:
    client = client_of("runner")
    address = f"/experiments/new?gallery={question.name}"
    html = client.get(address).content.decode()
    assert question.look_for.partition(",")[0] in html
    answer = client.post(address, {**form_of(html).values, "_do": "save"})
    assert answer.status_code == 302, answer.content.decode()
    experiment = Experiment.objects.get()
    assert canonical(parse(experiment.text)) == canonical(parse(question.text))
    assert Run.objects.count() == 3 * experiment.cells.count() >= 6


def test_questions_stand_where_an_experiment_begins_for_those_who_may_run_one(client_of: SignIn) -> None:
    addresses = [f"/experiments/new?gallery={question.name}" for question in QUESTIONS]
    for page in ("/", "/experiments/", "/experiments/new"):
        html = client_of("runner").get(page).content.decode()
        assert all(address in html for address in addresses), page
    for page in ("/", "/experiments/"):
        assert addresses[0] not in client_of("viewer").get(page).content.decode(), page


def test_an_unknown_question_is_not_found(client_of: SignIn) -> None:
    assert client_of("runner").get("/experiments/new?gallery=../smoke/non-iid").status_code == 404
