"""The supervisor with small programs in place of web server and workers."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from webapp.system.errors import StartError, StoppedError
from webapp.system.process import Process, Role
from webapp.system.supervisor import Supervisor

SLEEPS = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; [signal.signal(number, signal.SIG_IGN) for number in (2, 3, 15)]; "
    "print('up', flush=True); time.sleep(60)"
)
WITH_CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]).wait()"


def role(name: str, code: str, *, check: Callable[[], bool] | None = None, grace_s: float = 5.0) -> Role:
    """A role played by a line of Python."""
    return Role(name, [sys.executable, "-c", code], [(signal.SIGTERM, grace_s)], check=check)


class Stage:
    """A supervisor, what it said, and a way to stop it from another thread."""

    def __init__(self, logs: Path) -> None:
        self.said: list[str] = []
        self.changes = 0
        self.supervisor = Supervisor(logs, os.environ, say=self.said.append, on_change=self._count)
        self.processes: Sequence[Process] = ()

    def _count(self, processes: Sequence[Process]) -> None:
        self.processes = list(processes)
        self.changes += 1

    def stop_signal(self) -> None:
        """What Ctrl-C does."""
        self.supervisor._count(signal.SIGINT, None)

    def watch_until(self, condition: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Let the supervisor work until something is the case."""

        def wait() -> None:
            deadline = time.monotonic() + limit_s
            while not condition() and time.monotonic() < deadline:
                time.sleep(0.02)
            self.stop_signal()

        thread = threading.Thread(target=wait)
        thread.start()
        self.supervisor.watch()
        thread.join()
        assert condition()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A supervisor that leaves nothing behind."""
    stage = Stage(tmp_path)
    yield stage
    stage.stop_signal()
    stage.stop_signal()
    stage.supervisor.stop()


@pytest.mark.slow
def test_waits_until_a_process_answers(stage: Stage, tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    code = f"import pathlib, time; time.sleep(0.5); pathlib.Path({str(sign)!r}).touch(); time.sleep(60)"
    stage.supervisor.start(role("slow", code, check=sign.exists))
    assert sign.exists()


@pytest.mark.slow
def test_a_process_that_ends_at_once_stops_the_start_with_its_last_words(stage: Stage) -> None:
    with pytest.raises(StartError, match=r"(?s)broken ended at once \(exit code 3\).*no module named luck"):
        stage.supervisor.start(
            role("fine", SLEEPS, check=lambda: False), role("broken", "print('no module named luck'); exit(3)")
        )


def test_told_to_stop_while_starting(stage: Stage) -> None:
    stage.stop_signal()
    with pytest.raises(StoppedError):
        stage.supervisor.start(role("deaf", SLEEPS, check=lambda: False))


@pytest.mark.slow
def test_a_killed_process_is_started_again(stage: Stage) -> None:
    stage.supervisor.start(role("worker", SLEEPS))
    first = stage.processes[0].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    stage.watch_until(lambda: stage.processes[0].pid not in (None, first))
    assert "worker ended by itself (signal SIGKILL)" in stage.said[0]
    assert stage.processes[0].num_restarts == 1


@pytest.mark.slow
def test_waits_longer_after_each_crash(stage: Stage) -> None:
    process = Process(role("flaky", "exit(1)"), stage.supervisor._logs / "flaky.log", os.environ)
    waits = []
    for _ in range(9):
        process.start()
        waits.append(process.note_crash())
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0]


@pytest.mark.slow
def test_stop_ends_grandchildren_too(stage: Stage) -> None:
    stage.supervisor.start(role("parent", WITH_CHILD))
    pid = stage.processes[0].pid
    assert pid is not None
    stage.watch_until(lambda: len(psutil.Process(pid).children()) == 1)
    child = psutil.Process(pid).children()[0]
    stage.supervisor.stop()
    assert psutil.wait_procs([child], timeout=60) == ([child], [])


@pytest.mark.slow
def test_who_ignores_the_signal_is_killed_after_its_grace(stage: Stage) -> None:
    stubborn = role("stubborn", STUBBORN, grace_s=0.5)
    stage.supervisor.start(stubborn)
    stage.watch_until(lambda: "up" in stage.processes[0].tail())
    start = time.monotonic()
    stage.supervisor.stop()
    assert time.monotonic() - start > 0.4
    assert stage.processes[0].exit_code == -signal.SIGKILL


def test_a_second_signal_kills_at_once(stage: Stage) -> None:
    stage.supervisor.start(role("stubborn", STUBBORN, grace_s=1200))
    stage.watch_until(lambda: "up" in stage.processes[0].tail())
    stage.stop_signal()
    stage.supervisor.stop()
    assert stage.processes[0].exit_code == -signal.SIGKILL, "it was not left to end by itself"


@pytest.mark.slow
def test_the_broker_stops_last(stage: Stage, tmp_path: Path) -> None:
    report = f"""
import pathlib, signal, sys, time
def leave(*_):
    time.sleep(0.3)
    with pathlib.Path({str(tmp_path / "order")!r}).open("a") as file: file.write(sys.argv[1] + " ")
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
time.sleep(60)
"""
    for name in ("broker", "web"):
        stage.supervisor.start(Role(name, [sys.executable, "-c", report, name], [(signal.SIGTERM, 10.0)]))
    stage.watch_until(lambda: all("up" in process.tail() for process in stage.processes))
    stage.supervisor.stop()
    assert (tmp_path / "order").read_text() == "web broker "


def test_long_logs_are_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.system.process.LOG_LIMIT_BYTES", 10)
    log = tmp_path / "web.log"
    log.write_text("much too long a log")
    process = Process(role("web", "pass"), log, os.environ)
    process.start()
    while process.exit_code is None:
        time.sleep(0.02)
    assert (tmp_path / "web.log.1").read_text() == "much too long a log"
    assert log.read_text() == ""
