"""One id from the request to the job and the run; and no secret in any line."""

import json
import logging
import logging.config
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from tests.environment import ROOT
from tests.webapp.api.client import Api
from tests.webapp.people import People
from tests.webapp.rows import TEXT, make_run
from webapp import broker
from webapp.experiments import services
from webapp.experiments.models import Run, RunState
from webapp.logs.files import SharedFile
from webapp.logs.ids import begin, current_id
from webapp.logs.masking import masked
from webapp.logs.setup import logging_settings
from webapp.teams.tokens import issue_token
from workers.app import app
from workers.lease import claim


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What is logged meanwhile, as the JSON file has it."""
    configured = logging_settings(tmp_path)
    config = logging.config.DictConfigurator(configured)
    handler = SharedFile(str(tmp_path / "logs" / "edgeloom.jsonl"))
    handler.setFormatter(config.configure_formatter(configured["formatters"]["json"]))
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in (tmp_path / "logs" / "edgeloom.jsonl").read_text().splitlines()]
    logging.getLogger().removeHandler(handler)
    handler.close()


def test_an_answer_and_its_line_carry_the_id(people: People, lines: Callable[[], list[dict[str, Any]]]) -> None:
    client = Client()
    client.force_login(people["viewer"], backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.get("/runs/", headers={"X-Request-ID": "mine-1"})
    assert answer["X-Request-ID"] == "mine-1"
    (line,) = [line for line in lines() if line["event"] == "GET /runs/"]

    assert (line["request_id"], line["status"], line["user"]) == ("mine-1", 200, str(people["viewer"].pk))
    assert line["level"] == "info"
    assert line["duration_ms"] > 0


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", 'a"b'])
def test_an_id_that_could_break_a_line_is_replaced(db: None, given: str) -> None:
    answer = Client().get("/healthz", headers={"X-Request-ID": given} if given else {})
    assert len(answer["X-Request-ID"]) == 32


def test_problems_carry_it(people: People) -> None:
    _, token = issue_token(people["viewer"], people.team, "reads", scopes=["read"])
    answer = Api(token=token)("GET", f"/runs/{people.team.pk}", headers={"X-Request-ID": "mine-2"})
    assert answer.status_code == 404
    assert answer.json()["request_id"] == "mine-2"


def test_it_goes_with_the_job_and_stays_with_the_run(
    people: People, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    begin(request_id="mine-3")
    run = Run.objects.get(cell__experiment=services.submit(people.team, people["runner"], TEXT, launch=True))
    assert (run.state, run.request_id) == (RunState.QUEUED, "mine-3")
    begin()
    assert claim(run.pk, owner="w", job_id="") is not None
    assert current_id() == "mine-3", "a message that the reaper sent has no id of its own"
    logging.getLogger("engine").warning("something of the run")
    assert [(line["run_id"], line["request_id"]) for line in lines() if line["logger"] == "engine"] == [
        (str(run.pk), "mine-3")
    ]
    begin()


def test_a_message_carries_it(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    sent: list[dict[str, Any]] = []
    settings.REDIS_URL = "redis://nowhere"
    sender = SimpleNamespace(send_task=lambda name, **how: sent.append(how))
    monkeypatch.setattr(broker, "_sender", lambda: sender)
    begin(request_id="mine-4")
    broker.send(broker.EXECUTE, "run")
    begin()
    assert sent == [{"args": ["run"], "headers": {"request_id": "mine-4"}}]


def test_a_job_takes_it_over() -> None:
    seen = []

    @app.task(name="tests.say_id")
    def say_id() -> None:
        seen.append(current_id())

    say_id.apply(headers={"request_id": "mine-5"}, throw=True)
    begin()
    del app.tasks["tests.say_id"]
    assert seen == ["mine-5"]


def test_resuming_gives_the_run_the_new_id(people: People) -> None:
    run = make_run(people.team, RunState.PAUSED, request_id="old")
    begin(request_id="mine-6")
    services.resume(run, people["runner"])
    begin()
    assert Run.objects.get(pk=run.pk).request_id == "mine-6"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /shared/abc-DEF_1/runs/1/", "GET /shared/***/runs/1/"),
        ("socket /ws/shared/abcdef/runs/2/", "socket /ws/shared/***/runs/2/"),
        ("https://x.org/join/abc/?next=/", "https://x.org/join/***/?next=/"),
        ("/sign-in/s3cret", "/sign-in/***"),
        ("Authorization: Bearer elm_abc-12_X", "Authorization: Bearer elm_***"),
        ("redis://:pa55@127.0.0.1:6379/0", "redis://:***@127.0.0.1:6379/0"),
        ("postgres://me:pa55@host/db", "postgres://me:***@host/db"),
        ("/shares/", "/shares/"),
    ],
)
def test_masks(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_no_secret_of_a_link_is_logged(db: None, lines: Callable[[], list[dict[str, Any]]]) -> None:
    for path in ("/shared/very-secret/", "/join/very-secret/", "/sign-in/very-secret/"):
        Client().get(path)
    assert len(lines()) >= 3
    assert "very-secret" not in json.dumps(lines())


def test_many_processes_share_one_file_and_turn_it_over(tmp_path: Path) -> None:
    program = """
import logging, sys
from webapp.logs import files
files.LIMIT_BYTES = 20_000
handler = files.SharedFile(sys.argv[1])
logger = logging.getLogger("x"); logger.addHandler(handler); logger.setLevel("INFO")
for number in range(200):
    logger.info("%s %03d %s", sys.argv[2], number, "y" * 50)
"""
    path = tmp_path / "logs" / "edgeloom.jsonl"
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name], cwd=ROOT, env=dict(os.environ))
        for name in "abc"
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    found = path.read_text() + path.with_name("edgeloom.jsonl.1").read_text()
    assert all(len(line) == len("a 000 ") + 50 for line in found.splitlines()), "no line is torn"
    assert path.stat().st_size < 20_200
    assert path.stat().st_mode & 0o777 == 0o600
