"""The designer begins with a preset where the address names one."""

from collections.abc import Callable

import pytest
from django.test import Client

from engine.specs.documents import load
from engine.specs.presets import presets
from webapp.experiments.designer import text_of

SignIn = Callable[[str], Client]


@pytest.mark.parametrize("name", presets())
def test_a_preset_fills_the_form(client_of: SignIn, name: str) -> None:
    response = client_of("runner").get(f"/experiments/new?preset={name}")
    assert response.status_code == 200
    tree = load(text_of(response.context["form"]))["task"]
    assert {"dataset": tree["dataset"], **presets()[name].task} == tree
    if "dataset" not in presets()[name].task:
        assert tree["dataset"] == {"kind": "digits"}, "always there"
    text = response.content.decode()
    assert f'href="/experiments/new?preset={name}" aria-current="true"' in text


def test_presets_that_there_are_not(client_of: SignIn) -> None:
    assert client_of("runner").get("/experiments/new?preset=magic").status_code == 404


def test_presets_stand_in_the_catalogue(client_of: SignIn) -> None:
    client = client_of("viewer")
    listed = client.get("/catalogue/presets/").content.decode()
    assert all(f'href="/catalogue/presets/{name}/"' in listed for name in presets())
    page = client.get("/catalogue/presets/fedbuff/").content.decode()
    assert "buffer_size: 10" in page
    begins = 'href="/experiments/new?preset=fedbuff"'
    assert begins not in page
    assert begins in client_of("runner").get("/catalogue/presets/fedbuff/").content.decode()
    assert client.get("/catalogue/presets/magic/").status_code == 404


def test_equations_stand_on_help_pages(client_of: SignIn) -> None:
    assert '<p class="equation"' in client_of("viewer").get("/catalogue/strategies/fedprox/").content.decode()
