"""Where a run's events go."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.core.events import Event
from engine.task.context import Progress


@dataclass(frozen=True)
class HostTimes:
    """How long the run takes on this host; never part of the numbered log, because it differs every time."""

    work_s: float
    """Seconds of work so far, over all attempts."""
    remaining_s: float | None
    """Estimated seconds of work to go; None as long as there is nothing to tell it from."""


class Sink(Protocol):
    """Takes the events of one run, in order, each once."""

    @property
    def last_seq(self) -> int:
        """Number of the last event that is stored; those up to it are ignored when they come again."""

    def write(self, events: Sequence[Event]) -> None:
        """Take events whose ``seq`` continue each other."""

    def flush(self) -> None:
        """Store what was taken: a checkpoint that follows it is about to be written."""

    def progress(self, progress: Progress, host: HostTimes) -> None:
        """Hear how far the run is; losing this loses nothing."""

    def close(self) -> None:
        """Store what was taken and let go of files and connections."""


class MemorySink:
    """Keeps events in a list."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.progresses: list[Progress] = []

    @property
    def last_seq(self) -> int:
        """Number of the last event."""
        return self.events[-1].seq if self.events else 0

    def write(self, events: Sequence[Event]) -> None:
        """Append what is new."""
        self.events.extend(event for event in events if event.seq > self.last_seq)

    def flush(self) -> None:
        """Nothing is buffered."""

    def progress(self, progress: Progress, host: HostTimes) -> None:
        """Append it."""
        self.progresses.append(progress)

    def close(self) -> None:
        """Nothing is open."""


class JsonlSink:
    """Appends events to a file, one JSON object a line; continues a file that an earlier attempt left.

    A line that a crash cut short is dropped on opening: its event comes again.
    """

    def __init__(self, path: Path) -> None:
        self._last_seq = _mend(path)
        self._file = path.open("a", encoding="utf-8")

    @property
    def last_seq(self) -> int:
        """Number of the last event in the file."""
        return self._last_seq

    def write(self, events: Sequence[Event]) -> None:
        """Append what is new."""
        for event in events:
            if event.seq > self._last_seq:
                self._file.write(json.dumps(line_of(event), ensure_ascii=False, allow_nan=False) + "\n")
                self._last_seq = event.seq

    def flush(self) -> None:
        """Bring everything to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def progress(self, progress: Progress, host: HostTimes) -> None:
        """Files tell no progress."""

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        if not self._file.closed:
            self.flush()
            self._file.close()


class Tee:
    """Gives the same events to several sinks."""

    def __init__(self, *sinks: Sink) -> None:
        self.sinks = sinks

    @property
    def last_seq(self) -> int:
        """The last event that all of them have."""
        return min(sink.last_seq for sink in self.sinks)

    def write(self, events: Sequence[Event]) -> None:
        """Hand on; each sink leaves out what it has."""
        for sink in self.sinks:
            sink.write(events)

    def flush(self) -> None:
        """Hand on."""
        for sink in self.sinks:
            sink.flush()

    def progress(self, progress: Progress, host: HostTimes) -> None:
        """Hand on."""
        for sink in self.sinks:
            sink.progress(progress, host)

    def close(self) -> None:
        """Hand on."""
        for sink in self.sinks:
            sink.close()


def line_of(event: Event) -> dict[str, Any]:
    """The event as it stands in a file."""
    return {"seq": event.seq, "kind": event.kind, "sim_time_s": event.sim_time_s, "body": event.body}


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a file, one after another; a line that was cut short ends it."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)


def _mend(path: Path) -> int:
    """Cut an unfinished last line off; returns the number of the last event that is whole."""
    if not path.exists():
        return 0
    end = last_seq = 0
    with path.open("rb+") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            last_seq = int(json.loads(line)["seq"])
        file.truncate(end)
    return last_seq
