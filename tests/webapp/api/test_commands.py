"""The commands that pages offer to copy, run in a shell against a real server."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from engine.specs.text import load
from engine.specs.writer import write
from tests.webapp.people import People, make_people
from tests.webapp.rows import TEXT
from webapp.api.commands import END
from webapp.experiments import services
from webapp.experiments.models import Experiment, Run
from webapp.library import services as library
from webapp.library.models import Fleet
from webapp.teams import tokens

pytestmark = [
    pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: commands of pages did not run"),
    pytest.mark.django_db(transaction=True),
]

NAME = """It's 20 "boards" & $HOME `id` \\ é"""
FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 5}]}
Shell = Callable[[str], Any]


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def shell(people: People, live_server: LiveServer) -> Shell:
    """Run a command as a reader with a token of the editor's; its output, which is JSON."""
    _, secret = tokens.issue_token(people["editor"], people.team, "shell")

    def run(command: str) -> Any:
        done = subprocess.run(
            ["sh", "-c", command],
            env={**os.environ, "EDGELOOM_TOKEN": secret},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return json.loads(done.stdout)

    return run


@pytest.fixture
def page(people: People, live_server: LiveServer) -> Callable[[str], dict[str, str]]:
    """What a page of the live server offers to copy, by the id of its element."""
    client = Client(headers={"host": live_server.url.removeprefix("http://")})
    client.force_login(people["editor"], backend="allauth.account.auth_backends.AuthenticationBackend")

    def read(address: str) -> dict[str, str]:
        answer = client.get(address)
        assert answer.status_code == 200, address
        found = re.findall(r'<pre class="code[^"]*" id="([\w-]+)"[^>]*>(.*?)</pre>', answer.content.decode(), re.DOTALL)
        return {name: unescape(text) for name, text in found}

    return read


@pytest.mark.slow
def test_an_experiment_is_read_and_made_again(people: People, shell: Shell, page: Callable[[str], Any]) -> None:
    text = TEXT.replace("A few rounds on digits", json.dumps(NAME))
    first = services.submit(people.team, people["runner"], text, launch=False)
    offered = page(f"/experiments/{first.pk}/")
    assert shell(offered["curl"])["id"] == str(first.pk)
    assert load(offered["yaml-text"]) == load(first.text)
    again = Experiment.objects.get(pk=shell(offered["curl-send"])["id"])
    assert again.pk != first.pk
    assert again.text == first.text


@pytest.mark.slow
def test_a_run_is_read_and_made_again_with_its_setting_and_seed_alone(
    people: People, shell: Shell, page: Callable[[str], Any]
) -> None:
    text = TEXT.replace("seeds: [0]", "seeds: [3, 4]") + "sweep: {task.rounds: [1, 2]}\n"
    experiment = services.submit(people.team, people["runner"], text, launch=False)
    run = Run.objects.get(cell__experiment=experiment, cell__index=1, seed=4)
    offered = page(f"/runs/{run.pk}/")
    assert shell(offered["curl"])["id"] == str(run.pk)
    made = Run.objects.get(cell__experiment=shell(offered["curl-send"])["id"])
    assert (made.seed, made.cell.digest) == (4, run.cell.digest)


def test_a_saved_design_is_read_and_made_again_with_its_name(
    people: People, shell: Shell, page: Callable[[str], Any]
) -> None:
    fleet = library.create("fleets", people.team, people["editor"], NAME, FLEET)
    offered = page(f"/fleets/{fleet.pk}/")
    assert shell(offered["curl"])["name"] == NAME
    assert load(offered["yaml-text"]) == FLEET
    made = Fleet.objects.get(pk=shell(offered["curl-send"])["id"])
    assert (made.name, made.body) == (NAME, fleet.body)
    assert shell(page(f"/fleets/{fleet.pk}/versions/1/")["curl"])["body"] == FLEET


@pytest.mark.parametrize(
    "address", ["/catalogue/strategies/fedmax/", "/catalogue/devices/rpi_4b_4gb/", "/datasets/built-in/digits/"]
)
def test_a_page_of_the_catalogue_is_read(address: str, shell: Shell, page: Callable[[str], Any]) -> None:
    assert shell(page(address)["curl"])["kind"] == address.split("/")[-2]


def test_no_line_of_a_document_ends_the_command_early() -> None:
    assert END not in write({"name": f"a\n{END}\nrm -rf /", END: [END, {END: f"\n{END}\n"}]}).splitlines()
