"""A real platform for tests: Valkey, workers, web servers and beat as processes on the test's database."""

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.environment import HOME
from webapp import broker
from webapp.experiments.models import Run
from webapp.system.address import Address
from webapp.system.broker import Broker, free_port
from webapp.system.process import Process, Role
from webapp.system.roles import clock, web, worker

LEASE_S = 3.0
SHORT_TIMES = {
    "EDGELOOM_LEASE_S": str(LEASE_S),
    "EDGELOOM_HEARTBEAT_S": "0.3",
    "EDGELOOM_RESEND_S": "2",
    "EDGELOOM_SWEEP_S": "1",
    "EDGELOOM_HANG_GRACE_S": "4",
}
"""Leases and sweeps of seconds instead of tens of them."""


class Platform:
    """Starts processes, finds their children, and ends all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._broker = Broker.prepare(folder)
        self.url = self._broker.url
        self._processes: list[Process] = []
        self.environment = {
            **os.environ,
            **SHORT_TIMES,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "DATABASE_URL": database_url(),
            "EDGELOOM_HOME": str(HOME),
            "REDIS_URL": self.url,
        }

    def start_broker(self) -> None:
        """Start the broker and wait until it answers."""
        role = self._broker.role()
        program = os.environ.get("EDGELOOM_TEST_REDIS_PROGRAM")  # tests/servers puts Debian's Redis in its place
        command = [program, *role.command[1:]] if program else role.command
        self.broker = self._start(replace(role, command=command))
        wait_until(self.broker.answers, "the broker answers")

    def restart_broker(self) -> None:
        """Start a killed broker again, on the same port and data."""
        self.broker.start()
        wait_until(self.broker.answers, "the broker answers")

    def start_worker(self, queue: str = "runs", processes: int = 1, name: str = "w") -> Process:
        """Start a worker and wait until it takes jobs."""
        role = worker(queue, processes, self.folder)
        command = [*role.command, "-n", f"{name}@test", "--statedb", str(self.folder / f"{name}.state")]
        process = self._start(Role(f"{queue}-{name}", command, role.stop, role.last_will))
        wait_until(lambda: "ready." in process.log.read_text(), f"{name} is ready", process)
        return process

    def start_beat(self) -> Process:
        """Start the clock, and the worker that carries out what it sends."""
        self.start_worker("interactive", name="i")
        return self._start(clock(self.folder))

    def start_web(self, application: str = "webapp.asgi:application") -> tuple[Process, Address]:
        """Start a web server on a free port and wait until it listens."""
        address = Address("127.0.0.1", free_port())
        role = web(address)
        command = [application if part == "webapp.asgi:application" else part for part in role.command]
        process = self._start(Role(f"web-{address.port}", command, role.stop))
        wait_until(lambda: listens(address), "the web server listens", process)
        return process, address

    def stop(self) -> None:
        """Kill everything that was started."""
        for process in self._processes:
            process.signal(signal.SIGCONT)
            process.kill_group()

    def _start(self, role: Role) -> Process:
        process = Process(role, self.folder / f"{role.name}.log", self.environment)
        process.start()
        self._processes.append(process)
        return process


def listens(address: Address) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((address.host, address.port)) == 0


def database_url() -> str:
    """The address of the test's database, for other processes."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    described = connection.settings_dict
    return f"postgres://{described['USER']}:{described['PASSWORD']}@{described['HOST']}:{described['PORT']}/{name}"


def use_broker(url: str) -> None:
    """Have this process, too, send to that broker."""
    settings.REDIS_URL = url
    broker._sender.cache_clear()
    broker._client.cache_clear()


def wait_until(
    condition: Callable[[], object],
    what: str,
    process: Process | None = None,
    timeout_s: float = 60.0,
    *,
    every_s: float = 0.05,
) -> None:
    """Wait for something that another process does, looking every so many seconds.

    Raises:
        AssertionError: it did not happen in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        ended = process is not None and process.exit_code is not None
        if ended or time.monotonic() > deadline:
            tail = process.tail(40) if process else ""
            raise AssertionError(f"not within {timeout_s:g} s: {what}\n{tail}")
        time.sleep(every_s)


def reread(run: Run) -> Run:
    """The run as the database has it now."""
    run.refresh_from_db()
    return run
