"""The progress line of a run on a terminal; nothing where the output is piped."""

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from engine.commands.output import duration
from engine.core.events import Event
from engine.runs.batch import Planned
from engine.runs.sinks import HostTimes, Sink
from engine.task.context import Progress

_EVERY_S = 0.1


class ProgressLine:
    """A sink that keeps one line up to date: what runs, how far it is, its accuracy and the time left."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title, self._stream = title, stream
        self._value = ""
        self._drawn_s = 0.0
        self._line = ""

    @property
    def last_seq(self) -> int:
        """It wants every event."""
        return sys.maxsize

    def write(self, events: Sequence[Event]) -> None:
        """Remember the newest value worth showing."""
        for event in events:
            if event.kind == "metrics":
                values = event.body.get("values", {})
                name = next((name for name in ("accuracy", "loss") if values.get(name) is not None), None)
                if name:
                    self._value = f" · {name} {values[name]:.4f}"

    def flush(self) -> None:
        """Nothing is stored."""

    def progress(self, progress: Progress, host: HostTimes) -> None:
        """Draw the line, at most ten times a second."""
        now = time.monotonic()
        is_last = progress.done >= progress.total
        if now - self._drawn_s < _EVERY_S and not is_last:
            return
        self._drawn_s = now
        left = f" · {duration(host.remaining_s)} left" if host.remaining_s and not is_last else ""
        self._line = f"{self._title} · {progress.unit} {progress.done}/{progress.total}{self._value}{left}"
        width = shutil.get_terminal_size().columns
        self._stream.write(f"\r\x1b[K{self._line[: width - 1]}")
        self._stream.flush()

    def close(self) -> None:
        """Leave the line as it stands."""
        if self._line:
            self._stream.write("\n")
            self._stream.flush()


class Silence:
    """A sink that does nothing."""

    last_seq = sys.maxsize

    def write(self, events: Sequence[Event]) -> None:
        """Hear it."""

    def flush(self) -> None:
        """Hear it."""

    def progress(self, progress: Progress, host: HostTimes) -> None:
        """Hear it."""

    def close(self) -> None:
        """Hear it."""


class Reporter:
    """Shows each run of a batch in one line of standard error, if that is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()

    def begin(self, planned: Planned, number: int, total: int) -> Sink:
        """The line of one run."""
        if not self._is_terminal:
            return Silence()
        count = f"[{number}/{total}] " if total > 1 else ""
        return ProgressLine(f"{count}{planned.title}", self._stream)

    def reuse(self, planned: Planned) -> None:
        """Say that nothing needs to be done."""
        if self._is_terminal:
            self._stream.write(f"{planned.title} · done before\n")

    def download(self, name: str, done: int, total: int) -> None:
        """Show how far a download is."""
        if self._is_terminal:
            self._stream.write(f"\r\x1b[Kdownloading {name}: {100 * done // max(1, total)} %")
            self._stream.write("\n" if done >= total else "")
            self._stream.flush()
