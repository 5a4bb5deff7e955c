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
