"""The steps from an empty folder to a running platform."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from webapp.system import broker as brokers
from webapp.system import leftovers, preparation, roles
from webapp.system.address import Address
from webapp.system.folder import Folder
from webapp.system.process import Process
from webapp.system.supervisor import Supervisor


@dataclass(frozen=True)
class Plan:
    """What the user asked for.

    Attributes:
        address: where the web server listens.
        num_workers: runs that are computed at the same time.
        opens_browser: whether the sign-in page is opened.
    """

    address: Address
    num_workers: int
    opens_browser: bool


class Startup:
    """Brings the platform up on a folder that this process holds.

    Args:
        folder: the platform's folder.
        plan: what the user asked for.
        say: prints a line for the user.
    """

    def __init__(self, folder: Folder, plan: Plan, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._plan = plan
        self._say = say
        self._instance = secrets.token_hex(8)
        self._earlier = folder.read_state().get("instance")
        environment = {
            **os.environ,
            leftovers.INSTANCE: self._instance,
            "EDGELOOM_HOME": str(folder.root),
            "EDGELOOM_HOST": plan.address.host,
            "EDGELOOM_PORT": str(plan.address.port),
            "OMP_NUM_THREADS": "1",  # one thread a process: two give other sums and collapse on a busy machine
            "PYTHONUNBUFFERED": "1",
        }
        self.supervisor = Supervisor(folder.logs, environment, say=say, on_change=self._write_state)

    def run(self) -> None:
        """Start everything, serve until told to stop, stop everything.

        Raises:
            StartError: a step failed.
            StoppedError: told to stop during the start.
        """
        self.supervisor.listen()
        try:
            self._start()
            self.supervisor.watch()
        finally:
            self._say("Stopping ...")
            self.supervisor.stop()
            self._say("Stopped; nothing is left running.")

    def _start(self) -> None:
        start = time.monotonic()
        self._end_leftovers()
        self._start_broker()
        with self._step("Preparing the database"):
            preparation.prepare_database()
        with self._step("Preparing the pages"):
            preparation.prepare_assets(self._say)
            preparation.prepare_statics(self.supervisor.environment)
        with self._step("Starting the web server"):
            self.supervisor.start(roles.web(self._plan.address))
        # Pages are there before the workers are: all at once would make each slower on a small machine.
        self.supervisor.add(*roles.background(self._plan.num_workers, self._folder.state.parent))
        link = preparation.sign_in_link(self._url)
        self._say(f"\nEdgeloom is ready after {time.monotonic() - start:.1f} s at {self._url}")
        self._say(f"Sign in once with this link:  {link}")
        self._say(f"Data and logs: {self._folder.root}    Stop: Ctrl-C\n")
        if self._plan.opens_browser:
            self._open(link)

    def _end_leftovers(self) -> None:
        if self._earlier and (number := leftovers.end(self._earlier)):
            self._say(f"Ended {number} processes that an earlier, killed start had left.")

    def _start_broker(self) -> None:
        url = os.environ.get("REDIS_URL")
        if url:
            preparation.check_broker(url)
            return
        embedded = brokers.Broker.prepare(self._folder.broker)
        self.supervisor.environment["REDIS_URL"] = embedded.url
        with self._step("Starting the embedded broker"):
            self.supervisor.start(embedded.role())

    def _open(self, link: str) -> None:
        subprocess.Popen(
            [sys.executable, "-m", "webbrowser", link],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def _url(self) -> str:
        origins: Sequence[str] = settings.EDGELOOM_ORIGINS
        return self._plan.address.public_url(origins)

    def _write_state(self, processes: Sequence[Process]) -> None:
        state: dict[str, Any] = {
            "instance": self._instance,
            "pid": os.getpid(),
            "url": self._url,
            "written_at": time.time(),
            "processes": [
                {"name": process.role.name, "pid": process.pid, "num_restarts": process.num_restarts}
                for process in processes
            ],
        }
        self._folder.write_state(state)

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self.supervisor.give_way()
        start = time.monotonic()
        self._say(f"{title} ...")
        yield
        self._say(f"  done in {time.monotonic() - start:.1f} s")
