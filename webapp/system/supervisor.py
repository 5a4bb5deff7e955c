"""The supervisor: starts the platform's processes in order, keeps them running, stops them in order."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from webapp.system.errors import StartError, StoppedError
from webapp.system.process import Process, Role, stop_together

POLL_S = 0.1
START_POLL_S = 0.2
CHECK_EVERY_S = 10.0
DEAF_AFTER_S = 90.0
"""A process that runs but has not answered for so long is started again."""
START_LIMIT_S = 180.0


class Supervisor:
    """Runs the platform's processes.

    It has one thread and polls: a handful of processes ten times a second is nothing, and a signal handler that only
    counts cannot deadlock.

    Args:
        logs: folder of the log files.
        environment: environment of all processes.
        say: prints a line for the user.
        on_change: called with all processes after each start and stop.
    """

    def __init__(
        self,
        logs: Path,
        environment: Mapping[str, str],
        *,
        say: Callable[[str], None],
        on_change: Callable[[Sequence[Process]], None],
    ) -> None:
        self.environment = dict(environment)
        self._logs = logs
        self._say = say
        self._on_change = on_change
        self._processes: list[Process] = []
        self._num_signals = 0
        self._answered_at: dict[Process, float] = {}
        self._checked_at = 0.0

    # ------------------------------------------------------------------------------------------------------- signals

    def listen(self) -> None:
        """Take SIGINT, SIGTERM and SIGHUP as wishes to stop; a second one kills what is left at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._count)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self._num_signals += 1

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._num_signals > 0

    @property
    def hurried(self) -> bool:
        """Whether it was told to stop more than once."""
        return self._num_signals > 1

    def give_way(self) -> None:
        """Leave the set-up if it was told to stop.

        Raises:
            StoppedError: it was.
        """
        if self.stopping:
            raise StoppedError

    # ------------------------------------------------------------------------------------------------ start and watch

    def start(self, *roles: Role) -> None:
        """Start processes and wait until each of them answers.

        Raises:
            StartError: one ended, or did not answer in time; its last words are in the message.
            StoppedError: the supervisor was told to stop meanwhile.
        """
        fresh = self.add(*roles)
        deadline = time.monotonic() + START_LIMIT_S
        waiting = list(fresh)
        while waiting:
            self.give_way()
            for process in fresh:
                if process.exit_code is not None:
                    raise StartError(self._last_words(process, f"ended at once ({ending(process.exit_code)})"))
            if time.monotonic() > deadline:
                raise StartError(self._last_words(waiting[0], f"does not answer after {START_LIMIT_S:.0f} s"))
            time.sleep(START_POLL_S)
            waiting = [process for process in waiting if not process.answers()]
        self._answered_at.update(dict.fromkeys(fresh, time.monotonic()))

    def add(self, *roles: Role) -> list[Process]:
        """Start processes without waiting for them; should one of them end, :meth:`watch` says so."""
        fresh = [Process(role, self._logs / f"{role.name}.log", self.environment) for role in roles]
        for process in fresh:
            process.start()
            self._answered_at[process] = time.monotonic()
            self._processes.append(process)
        self._changed()
        return fresh

    def watch(self) -> None:
        """Keep all processes running until told to stop."""
        while not self.stopping:
            for process in self._processes:
                self._keep(process)
            if time.monotonic() - self._checked_at > CHECK_EVERY_S:
                self._checked_at = time.monotonic()
                self._restart_deaf()
            time.sleep(POLL_S)

    def _keep(self, process: Process) -> None:
        if process.exit_code is not None:
            how = ending(process.exit_code)
            process.kill_group()
            wait = process.note_crash()
            self._say(
                f"{process.role.name} ended by itself ({how}); starting it again in {wait:g} s. Log: {process.log}"
            )
            self._changed()
        elif process.pid is None and time.monotonic() >= process.due_at:
            process.start()
            self._answered_at[process] = time.monotonic()
            self._changed()

    def _restart_deaf(self) -> None:
        for process in self._processes:
            if process.pid is None or process.role.check is None:
                continue
            if process.role.check():
                self._answered_at[process] = time.monotonic()
            elif time.monotonic() - self._answered_at[process] > DEAF_AFTER_S:
                self._say(f"{process.role.name} has not answered for {DEAF_AFTER_S:.0f} s; ending it")
                process.kill_group()

    # ---------------------------------------------------------------------------------------------------------- stop

    def stop(self) -> None:
        """Stop everything: first what takes work, last the broker, which was started first."""
        first = self._processes[:1] if self._processes and self._processes[0].role.name == "broker" else []
        stop_together([process for process in self._processes if process not in first], lambda: self.hurried)
        stop_together(first, lambda: self.hurried)
        self._changed()

    def _changed(self) -> None:
        self._on_change(self._processes)

    def _last_words(self, process: Process, what: str) -> str:
        return f"{process.role.name} {what}. The end of {process.log}:\n{process.tail()}"


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
