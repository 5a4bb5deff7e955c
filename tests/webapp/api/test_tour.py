"""The commands of docs/api.md, run in a shell against a real server."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.live_server_helper import LiveServer

from webapp.experiments.models import Experiment
from webapp.library.models import Fleet
from webapp.teams.models import ApiToken

SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def script_of(page: Path) -> str:
    """All commands of the page, each call of curl that fails to connect ending the script."""
    blocks = SHELL.findall(page.read_text())
    assert blocks
    return "set -eu\n" + "\necho; echo ---\n".join(blocks)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: the tour of docs/api.md did not run")
@pytest.mark.django_db(transaction=True)
def test_tour(live_server: LiveServer, root: Path, tmp_path: Path) -> None:
    launcher = tmp_path / "edgeloom"  # the real one would make an environment of its own
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{root / "manage.py"}" "$@"\n')
    launcher.chmod(0o755)
    environment = {
        **os.environ,
        "EDGELOOM": live_server.url,
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
    }
    done = subprocess.run(
        ["sh", "-c", script_of(root / "docs" / "api.md")],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    blocks = [answers(block) for block in done.stdout.split("\n---\n")]
    statuses = [answer.get("status") for block in blocks for answer in block if isinstance(answer, dict)]
    problems = [status for status in statuses if isinstance(status, int)]
    assert problems == [422], done.stdout[-3000:]  # only the spec that is wrong on purpose
    assert json.loads((tmp_path / "experiment.schema.json").read_text())["title"] == "Experiment"
    assert ApiToken.objects.get(name="tour").last_used_at is not None
    assert not Experiment.objects.exists()
    assert not Fleet.objects.exists()


def answers(text: str) -> list[Any]:
    """The JSON documents in an output, one after the other."""
    found, decoder, place = [], json.JSONDecoder(), 0
    while (match := re.compile(r"^[\[{]", re.MULTILINE).search(text, place)) is not None:
        value, place = decoder.raw_decode(text, match.start())
        found.append(value)
    return found
