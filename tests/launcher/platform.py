"""A real platform, started by the launcher on a free port and a folder of its own."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import psutil

from tests.environment import ROOT
from webapp.system import leftovers
from webapp.system.broker import free_port
from webapp.system.folder import Folder

READY = re.compile(r"ready after ([0-9.]+) s")
START_LIMIT_S = 240.0


class Platform:
    """One ``./edgeloom up``.

    Attributes:
        port: where it listens.
        folder: its data.
        output: what it has printed, collected in a file so that no pipe can fill.
    """

    def __init__(
        self, home: Path, *options: str, clone: Path = ROOT, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.port = free_port()
        self.folder = Folder(home)
        home.mkdir(parents=True, exist_ok=True)
        self.output = home.parent / f"{home.name}-{self.port}.txt"
        variables = {"EDGELOOM_VENV": str(Path(sys.executable).parent.parent), **environment}
        words = ["--home", str(home), "up", "--no-browser", "--port", str(self.port), "--workers", "1", *options]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(clone / "edgeloom"), *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **variables},
            )

    def said(self) -> str:
        """What it has printed up to now."""
        return self.output.read_text()

    def wait_until_ready(self, limit_s: float = START_LIMIT_S) -> float:
        """Wait for the sign-in link.

        Returns:
            The seconds that the platform says it took.
        """
        deadline = time.monotonic() + limit_s
        while not (found := READY.search(self.said())):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        return float(found[1])

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page; status 0 if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def wait_for(self, path: str, status: int, limit_s: float = 180.0) -> str:
        """Wait until a page answers with that status, and give its text."""
        deadline = time.monotonic() + limit_s
        while True:
            found, text = self.get(path)
            if found == status:
                return text
            assert time.monotonic() < deadline, (found, text, self.said())
            time.sleep(0.2)

    @property
    def instance(self) -> str:
        """The mark that all its processes carry."""
        return str(self.folder.read_state()["instance"])

    def processes(self) -> list[psutil.Process]:
        """Everything of it that runs, but the supervisor."""
        return [process for process in leftovers.of_instance(self.instance) if process.pid != self.process.pid]

    def pid_of(self, name: str) -> int | None:
        """Process id of one of its parts; None while it does not run."""
        parts: dict[str, int | None] = {part["name"]: part["pid"] for part in self.folder.read_state()["processes"]}
        return parts[name]

    def stop(self, number: signal.Signals = signal.SIGTERM, limit_s: float = 120.0) -> int:
        """Stop it and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(limit_s)

    def destroy(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if "instance" in self.folder.read_state():
            leftovers.end(self.instance, grace_s=1.0)
