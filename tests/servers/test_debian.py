"""The whole journey and the kill tests on the servers that Debian packages, instead of SQLite and Valkey."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.environment import ROOT
from tests.servers import debian
from tests.webapp.rows import TEXT
from webapp.system.broker import free_port

pytestmark = [
    pytest.mark.kill,
    pytest.mark.slow,
    pytest.mark.skipif(
        debian.postgres_programs() is None or debian.redis_program() is None,
        reason=f"NO SERVERS: PostgreSQL or Redis is not on this machine {debian.REMEDY}",
    ),
]

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 6}]}


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with debian.postgres() as url:
        yield url


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with debian.redis_server() as url:
        yield url


@dataclass
class Up:
    """A platform that ``up`` runs on those servers."""

    url: str
    token: str
    environment: dict[str, str]

    def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        """One REST call."""
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        headers["Content-Type"] = "application/yaml" if isinstance(body, str) else "application/json"
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        assert status == expect, (method, path, status, text[:2000])
        return json.loads(text) if text else None


def manage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait(condition: Callable[[], bool], what: str, timeout_s: float = 240.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


@pytest.fixture(scope="module")
def up(database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    home, port = tmp_path_factory.mktemp("home"), free_port()
    environment = {
        **os.environ,
        "EDGELOOM_HOME": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
    }
    out = (home / "up.txt").open("w+")
    command = [sys.executable, "manage.py", "up", "--port", str(port), "--workers", "1", "--no-browser"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        said = lambda: (home / "up.txt").read_text()  # noqa: E731
        wait(lambda: "Sign in once" in said() or process.poll() is not None, "it starts")
        assert process.poll() is None, said()
        token = manage(environment, "token", "create", "--name", "journey").strip().splitlines()[-1]
        yield Up(f"http://127.0.0.1:{port}", token, environment)
    finally:
        process.terminate()
        process.wait(60)
        out.close()


def test_the_journey_by_rest(up: Up) -> None:
    fleet = up.call("POST", "/fleets", {"name": "Boards", "body": FLEET}, expect=201)
    text = re.sub(r"(?m)^fleet:.*$", f"fleet: {{saved: {fleet['id']}}}", TEXT)
    up.call("POST", "/estimates", text)
    experiment = up.call("POST", "/experiments?launch=true", text, expect=201)
    place = f"/experiments/{experiment['id']}"

    def done() -> bool:
        counts = up.call("GET", f"{place}?fields=runs")["runs"]
        assert not counts["failed"]
        return bool(counts["done"] == 1)

    wait(done, "the run is done")
    run = up.call("GET", f"/runs?experiment={experiment['id']}")["items"][0]["id"]
    events = up.call("GET", f"/runs/{run}/events?limit=5000")
    assert [event["seq"] for event in events["items"]] == list(range(1, events["last_seq"] + 1))
    series = up.call("GET", f"/runs/{run}/series?names=accuracy")["accuracy"]
    result = up.call("GET", f"{place}/result")
    assert result["metrics"]["accuracy"]["values"] == [series["values"][-1]]
    assert up.call("GET", f"/runs/{run}")["request_id"]
    names = {artifact["name"] for artifact in up.call("GET", f"/runs/{run}/artifacts")["items"]}
    assert {"ledger.csv", "trace.safetensors", "provenance.json"} <= names
    system = up.call("GET", "/system")
    assert "PostgreSQL" in system["versions"]
    assert {worker["queue"] for worker in system["workers"]} == {"runs", "interactive"}
    assert all(not check["problem"] for check in system["checks"])

    up.call("DELETE", place, expect=204)
    up.call("GET", f"/runs/{run}", expect=404)
    up.call("POST", f"/trash/{experiment['id']}/restore")
    assert up.call("GET", f"{place}/result") == result


def test_backup_and_restore_by_the_client_programs(
    up: Up, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = [item["id"] for item in up.call("GET", "/experiments")["items"]]
    archive = tmp_path / "edgeloom.tar"
    programs = debian.postgres_programs()
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    assert f"{archive} holds " in manage({**up.environment, **path}, "backup", str(archive))
    assert archive.stat().st_size > 0
    with debian.postgres() as other:
        home = tmp_path_factory.mktemp("other")
        environment = {**up.environment, **path, "DATABASE_URL": other, "EDGELOOM_HOME": str(home)}
        manage(environment, "restore", str(archive))
        code = "from webapp.experiments.models import Experiment as E; print(*(e.pk for e in E.objects.all()))"
        after = manage(environment, "shell", "-v", "0", "-c", code).split()
        assert after == before
        assert any((home / "artifacts").iterdir())


@pytest.mark.full
@pytest.mark.parametrize("module", ["test_kill_workers.py", "test_kill_sockets.py", "test_lease.py"])
def test_kill_tests(database_url: str, module: str) -> None:
    program = debian.redis_program()
    assert program is not None
    environment = {**os.environ, "EDGELOOM_TEST_DATABASE_URL": database_url, "EDGELOOM_TEST_REDIS_PROGRAM": program}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/workers/{module}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
