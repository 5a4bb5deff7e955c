"""``./edgeloom up`` for real: start, stop, kill, start again."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.launcher.platform import Platform
from webapp.system.broker import Broker, answers

pytestmark = [pytest.mark.kill, pytest.mark.slow]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """Starts platforms, on one folder unless told otherwise, and leaves none behind."""
    started: list[Platform] = []

    def begin(*options: str, name: str = "a home", **environment: str) -> Platform:
        started.append(Platform(tmp_path / name, *options, environment=environment))
        return started[-1]

    yield begin
    for platform in started:
        platform.destroy()


def gone(processes: list[psutil.Process], within_s: float) -> bool:
    """Whether all of them end in time."""
    deadline = time.monotonic() + within_s
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_starts_answers_and_stops_without_orphans(
    start: Callable[..., Platform], record_property: Callable[[str, object], None]
) -> None:
    platform = start()
    record_property("seconds_first_start", platform.wait_until_ready())
    assert platform.get("/healthz") == (200, "ok\n")
    assert '"status": "ready"' in platform.wait_for("/readyz", 200)
    assert f"http://127.0.0.1:{platform.port}/sign-in/" in platform.said()
    processes = platform.processes()
    assert {"broker", "web", "worker-runs", "worker-interactive", "beat"} == {
        part["name"] for part in platform.folder.read_state()["processes"]
    }
    assert platform.stop() == 0
    assert gone(processes, 5)
    assert "nothing is left running" in platform.said()

    again = start()
    seconds = again.wait_until_ready()
    record_property("seconds_second_start", seconds)
    assert again.stop(signal.SIGINT) == 0


def test_a_killed_supervisor_leaves_nothing_that_hinders_the_next_start(start: Callable[..., Platform]) -> None:
    platform = start()
    platform.wait_until_ready()
    processes = platform.processes()
    platform.process.kill()
    platform.process.wait()
    assert gone(processes, 60)
    again = start()
    again.wait_until_ready()
    assert again.get("/healthz")[0] == 200

    broker = psutil.Process(again.pid_of("broker"))
    broker.suspend()  # a stopped process keeps its signals waiting, so it outlives the supervisor
    again.process.kill()
    again.process.wait()
    third = start()
    third.wait_until_ready()
    assert gone([broker], 20)
    assert "that an earlier, killed start had left" in third.said()


def test_killed_parts_are_started_again_and_a_second_platform_is_refused(start: Callable[..., Platform]) -> None:
    platform = start()
    platform.wait_until_ready()
    names = ("web", "broker", "worker-runs")
    first = {name: platform.pid_of(name) for name in names}
    for pid in first.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 180
    while any(platform.pid_of(name) in (None, first[name]) for name in names):
        assert time.monotonic() < deadline, platform.said()
        time.sleep(0.1)
    assert all(f"{name} ended by itself (signal SIGKILL)" in platform.said() for name in names)
    platform.wait_for("/readyz", 200)

    second = start()
    assert second.process.wait(180) == 1
    assert f"is running on {platform.folder.root} already (process {platform.process.pid}" in second.said()
    assert platform.get("/healthz")[0] == 200


def test_a_taken_port_is_named(start: Callable[..., Platform], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        platform = start("--port", port)
        assert platform.process.wait(180) == 1
    assert f"127.0.0.1 port {port}: Address already in use" in platform.said()


def test_another_address_is_refused_with_all_reasons(start: Callable[..., Platform]) -> None:
    platform = start("--host", "0.0.0.0", EDGELOOM_DEBUG="1", EDGELOOM_SECRET_KEY="short")
    assert platform.process.wait(180) == 1
    for name in ("EDGELOOM_ORIGINS", "EDGELOOM_DEBUG", "EDGELOOM_SECRET_KEY"):
        assert name in platform.said()


def test_a_broker_that_does_not_answer_is_named(start: Callable[..., Platform]) -> None:
    platform = start(REDIS_URL="redis://127.0.0.1:9/0")
    assert platform.process.wait(180) == 1
    assert "REDIS_URL does not answer" in platform.said()


def test_a_broker_of_one_s_own_is_used(start: Callable[..., Platform], tmp_path: Path) -> None:
    broker = Broker.prepare(tmp_path)
    with subprocess.Popen(broker.role().command, stdout=subprocess.DEVNULL) as server:
        while not answers(broker.url):
            time.sleep(0.05)
        platform = start(REDIS_URL=broker.url)
        platform.wait_until_ready()
        assert platform.get("/readyz")[0] == 200
        assert "broker" not in {part["name"] for part in platform.folder.read_state()["processes"]}
        assert platform.stop() == 0
        assert answers(broker.url)
        server.kill()


def test_bad_options_are_bad_input(start: Callable[..., Platform]) -> None:
    platform = start("--workers", "0", "--port", "70000")
    assert platform.process.wait(180) == 2
    assert "--workers must be" in platform.said()
    assert "--port must be" in platform.said()
