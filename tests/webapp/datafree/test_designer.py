"""Designing a data-free experiment: the kind, the teacher from a list, and what fits before anything is trained."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.webapp.markup import form_of
from tests.webapp.people import People
from tests.webapp.rows import make_run
from tests.webapp.trained.weights import leave
from webapp.experiments.models import Experiment, RunState
from webapp.trained.usage import models_of

SignIn = Callable[[str], Client]


@pytest.mark.slow
def test_the_kind_is_chosen_first_and_decides_the_form(client_of: SignIn) -> None:
    client = client_of("runner")
    plain = client.get("/experiments/new").content.decode()
    assert "Make small without data" in plain
    assert form_of(plain).values["task@kind"] == "federated"
    other = form_of(client.get("/experiments/new?kind=datafree").content.decode())
    assert other.values["task@kind"] == "datafree"
    assert "task:datafree.synthesizer@kind" in other.values
    assert form_of(client.get("/experiments/new?kind=nonsense").content.decode()).values["task@kind"] == "federated"


def test_a_model_becomes_the_teacher_with_its_data_set(people: People, client_of: SignIn) -> None:
    leave(make_run(people.team, RunState.DONE))
    (model,) = models_of(people.team)
    client = client_of("runner")
    page = client.get(f"/experiments/new?kind=datafree&teacher={model.pk}").content.decode()
    values = form_of(page).values
    assert values["task:datafree.dataset@kind"] == "digits"
    assert values["task:datafree.teacher:artifact.sha256"] == model.sha256
    for word in ("mlp for digits", "accuracy 87.5", "310 parameters", "made by a run"):
        assert word in page, word
    filled = values | {
        "name": "Smaller", "task:datafree.student@kind": "mlp", "task:datafree.student:mlp.hidden": "2",
        "task:datafree.synthesizer@kind": "noise", "_do": "save",
    }  # fmt: skip
    answer = client.post("/experiments/new", filled)
    assert answer.status_code == 302, answer.content.decode()
    assert model.sha256 in Experiment.objects.get(name="Smaller").text
    assert "Smaller" in client.get(f"/models/{model.pk}/").content.decode(), "the model's page names who learns from it"


def test_files_of_this_machine_are_not_offered(client_of: SignIn) -> None:
    asked = {"task@kind": "datafree", "task:datafree.teacher@kind": "train", "_edit": "change"}
    page = client_of("runner").post("/experiments/new", asked).content.decode()
    start = page.index('name="task:datafree.teacher@kind"')
    choices = page[start : page.index("</select>", start)]
    assert 'value="artifact"' in choices
    assert 'value="file"' not in choices


def test_the_panels_say_what_fits_before_anything_is_trained(client_of: SignIn) -> None:
    asked = {
        "fleet.groups#": "0", "fleet.groups.0.name": "tiny", "fleet.groups.0.device@form": "0",
        "fleet.groups.0.device~0": "nrf52840", "fleet.groups.0.device": "nrf52840", "task@kind": "datafree",
        "task:datafree.dataset@kind": "digits", "task:datafree.teacher@kind": "train",
        "task:datafree.teacher:train.model@kind": "mlp", "task:datafree.teacher:train.model:mlp.hidden": "4000",
        "task:datafree.student@kind": "mlp", "task:datafree.student:mlp.hidden": "4",
        "task:datafree.synthesizer@kind": "noise",
    }  # fmt: skip
    client = client_of("runner")
    panels = client.post("/experiments/preview", asked).content.decode()
    assert "Who holds what" not in panels, "that is about clients"
    teacher, student = panels.index("Teacher: mlp"), panels.index("Student: mlp")
    assert "bytes short" in panels[teacher:student]
    assert "bytes short" not in panels[student:]
    assert "300 010" in panels.replace("\u202f", " "), "64 x 4000 + 4000 + 4000 x 10 + 10 parameters"
    estimate = client.post("/experiments/estimate", asked).content.decode()
    assert "tiny: fits as fp32, int8, int4" in estimate


def test_the_panels_say_what_the_owner_hands_out(client_of: SignIn) -> None:
    chosen = "task:datafree.metadata:activation_clusters."
    asked = {
        "task@kind": "datafree", "task:datafree.dataset@kind": "digits", "task:datafree.teacher@kind": "train",
        "task:datafree.teacher:train.model@kind": "mlp", "task:datafree.teacher:train.model:mlp.hidden": "8",
        "task:datafree.metadata@kind": "activation_clusters", f"{chosen}share": "0.5", f"{chosen}num_clusters": "2",
        f"{chosen}num_components": "2",
    }  # fmt: skip

    def panel(**more: str) -> str:
        page = client_of("runner").post("/experiments/preview", asked | more).content.decode()
        return page[page.index("What the owner hands out") : page.index("Private samples")]

    plain = panel()
    (size,) = re.findall(r"([0-9\u202f]+) bytes", plain)
    arrays = 10 * 2 * 4 * (8 + 2 * 8 + 2 + 1 + 1)
    assert 0 < int(size.replace("\u202f", "")) - arrays < 2500, "arrays of 4 bytes, and a header that says what it is"
    assert "No formal guarantee." in plain
    noisy = panel(**{f"{chosen}noise@on": "1", f"{chosen}noise.noise_multiplier": "8"})
    assert "-differential privacy" in noisy
    assert "seed" in noisy, "whoever knows it takes the noise off"
    told = client_of("runner").post("/experiments/preview", asked | {f"{chosen}num_components": "9"}).content.decode()
    assert "metadata.num_components" in told, "the problem, beside the figures"
    assert "none: the model alone" in panel(**{"task:datafree.metadata@kind": "none"})


def test_a_saved_task_of_this_kind_shows_its_models(people: People, client_of: SignIn) -> None:
    from webapp.library import services

    body = {"kind": "datafree", "dataset": {"kind": "digits"}, "student": {"kind": "mlp", "hidden": [4]}}
    task = services.create("tasks", people.team, people["editor"], "Compress", body)
    page = client_of("viewer").get(f"/tasks/{task.pk}/").content.decode()
    assert "Large and small" in page
    assert "Who holds what" not in page
