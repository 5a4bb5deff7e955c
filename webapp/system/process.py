"""One child process of the supervisor: started so that it cannot outlive its parent, stopped step by step."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LOG_LIMIT_BYTES = 20_000_000
BACK_OFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
STEADY_S = 60.0
"""A process that ran for so long counts as healthy: its next crash starts again with the shortest wait."""

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@dataclass(frozen=True)
class Role:
    """What a child process is for and how it is treated.

    Attributes:
        name: one word, also the name of its log file.
        command: program and arguments.
        stop: signals with the seconds that each is given; after the last follows SIGKILL to the whole group.
        last_will: the signal it gets from the kernel when the supervisor is killed (Linux).
        check: whether it answers; None where running is all that can be seen.
    """

    name: str
    command: Sequence[str]
    stop: Sequence[tuple[signal.Signals, float]]
    last_will: signal.Signals = signal.SIGTERM
    check: Callable[[], bool] | None = None


class Process:
    """A role being played: started, watched, started again after a crash, stopped."""

    def __init__(self, role: Role, log: Path, environment: Mapping[str, str]) -> None:
        self.role = role
        self.log = log
        self.num_restarts = 0
        self._environment = dict(environment)
        self._popen: subprocess.Popen[bytes] | None = None
        self._crashes = 0
        self.started_at = 0.0
        self.due_at = 0.0
        """Monotonic time at which a crashed process may start again."""

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._popen.pid if self._popen and self._popen.returncode is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs or before it started. Negative: the signal that ended it."""
        return self._popen.poll() if self._popen else None

    def start(self) -> None:
        """Start it in a session of its own, so that the terminal's Ctrl-C reaches the supervisor only."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        parent, will = os.getpid(), int(self.role.last_will)

        def bind_to_parent() -> None:
            if _prctl is not None:
                _prctl(_PR_SET_PDEATHSIG, will)
                if os.getppid() != parent:  # it died between fork and prctl
                    os._exit(1)

        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                list(self.role.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=ROOT,
                start_new_session=True,
                preexec_fn=bind_to_parent,  # noqa: PLW1509 - the supervisor has one thread
            )
        self.started_at = time.monotonic()

    def note_crash(self) -> float:
        """Plan the next start after a crash.

        Returns:
            Seconds until then.
        """
        now = time.monotonic()
        self._crashes = 1 if now - self.started_at > STEADY_S else self._crashes + 1
        wait = BACK_OFF_S[min(self._crashes, len(BACK_OFF_S)) - 1]
        self.due_at = now + wait
        self._popen = None
        self.num_restarts += 1
        return wait

    def answers(self) -> bool:
        """Whether it runs and, where that can be asked, answers."""
        return self.pid is not None and self.exit_code is None and (self.role.check is None or self.role.check())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its main process if that still runs."""
        if self._popen and self._popen.poll() is None:
            self._popen.send_signal(number)

    def kill_group(self) -> None:
        """End it and everything it started in its session."""
        if self._popen is None:
            return
        try:
            os.killpg(self._popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self._popen.poll()

    def tail(self, num_lines: int = 15) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-num_lines:])


def stop_together(processes: Sequence[Process], hurry: Callable[[], bool]) -> None:
    """Stop several processes at once, each by its own steps; when it returns none of them or their children runs.

    Args:
        processes: what to stop.
        hurry: asked all the time; once true the rest is killed at once.
    """
    steps = {process: list(process.role.stop) for process in processes}
    deadlines = dict.fromkeys(processes, 0.0)
    waiting = [process for process in processes if process.pid is not None]
    while waiting:
        now = time.monotonic()
        for process in waiting:
            if now < deadlines[process] and not hurry():
                continue
            if steps[process] and not hurry():
                number, grace_s = steps[process].pop(0)
                process.signal(number)
                deadlines[process] = now + grace_s
            else:
                process.kill_group()
        time.sleep(0.05)
        waiting = [process for process in waiting if process.exit_code is None]
    for process in processes:
        process.kill_group()  # what its main process may have left behind
